//! What callers of a lane can rely on.

use super::*;

/// Doubles numbers, batch by batch, each when it is told to; reports the batches it got.
struct Gated {
    go: mpsc::UnboundedReceiver<()>,
    seen: mpsc::UnboundedSender<Vec<u32>>,
}

impl Work for Gated {
    type Item = u32;
    type Answer = u32;

    async fn run(&mut self, batch: &mut Vec<Waiting<u32, u32>>) {
        let _ = self.seen.send(batch.iter().map(|waiting| *waiting.as_ref()).collect());
        self.go.recv().await;
        for waiting in batch.drain(..) {
            let double = waiting.as_ref() * 2;
            let _ = waiting.answer(double);
        }
    }
}

struct Bench {
    lane: Lane<u32, u32>,
    task: JoinHandle<()>,
    closing: CancellationToken,
    go: mpsc::UnboundedSender<()>,
    seen: mpsc::UnboundedReceiver<Vec<u32>>,
}

// Bounded by what a test sends.
#[allow(clippy::disallowed_methods)]
fn start(queue_items: usize) -> Bench {
    let (go, gate) = mpsc::unbounded_channel();
    let (report, seen) = mpsc::unbounded_channel();
    let closing = CancellationToken::new();
    let (lane, task) = Lane::start(Gated { go: gate, seen: report }, queue_items, closing.clone());
    Bench { lane, task, closing, go, seen }
}

/// Starts a call and lets it reach the queue.
async fn call(bench: &Bench, item: u32) -> JoinHandle<Result<u32, LaneError>> {
    let lane = bench.lane.clone();
    let (queued, in_queue) = oneshot::channel();
    let handle = tokio::spawn(async move {
        let answer = lane.call(item);
        let mut answer = std::pin::pin!(answer);
        let first = futures_util::poll!(answer.as_mut());
        let _ = queued.send(());
        match first {
            std::task::Poll::Ready(answer) => answer,
            std::task::Poll::Pending => answer.await,
        }
    });
    in_queue.await.unwrap();
    handle
}

#[tokio::test]
async fn a_lone_call_leaves_at_once_and_others_gather_behind_it() {
    let mut bench = start(16);
    let first = call(&bench, 1).await;
    assert_eq!(bench.seen.recv().await, Some(vec![1]));

    let behind = [call(&bench, 2).await, call(&bench, 3).await, call(&bench, 4).await];
    bench.go.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(2));
    assert_eq!(bench.seen.recv().await, Some(vec![2, 3, 4]), "in the order of arrival");

    bench.go.send(()).unwrap();
    for (handle, double) in behind.into_iter().zip([4, 6, 8]) {
        assert_eq!(handle.await.unwrap(), Ok(double));
    }
}

#[tokio::test]
async fn a_batch_has_a_largest_size() {
    let mut bench = start(BATCH_ITEMS_MAX * 2);
    let _first = call(&bench, 0).await;
    bench.seen.recv().await;
    for item in 0..u32::try_from(BATCH_ITEMS_MAX).unwrap() + 1 {
        bench.lane.send_and_forget(item);
    }
    bench.go.send(()).unwrap();
    bench.go.send(()).unwrap();
    assert_eq!(bench.seen.recv().await.unwrap().len(), BATCH_ITEMS_MAX);
    assert_eq!(bench.seen.recv().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_item_outlives_its_caller() {
    let mut bench = start(16);
    let _first = call(&bench, 1).await;
    bench.seen.recv().await;
    let impatient = call(&bench, 2).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    bench.go.send(()).unwrap();
    assert_eq!(bench.seen.recv().await, Some(vec![2]));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let mut bench = start(2);
    let _running = call(&bench, 1).await;
    bench.seen.recv().await;
    let _queued = [call(&bench, 2).await, call(&bench, 3).await];
    assert_eq!(bench.lane.call(4).await, Err(LaneError::Full));
}

#[tokio::test]
async fn what_is_queued_is_done_before_the_lane_ends() {
    let mut bench = start(16);
    let first = call(&bench, 1).await;
    bench.seen.recv().await;
    let second = call(&bench, 2).await;
    drop(bench.lane);
    bench.go.send(()).unwrap();
    bench.go.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(2), Ok(4)));
    bench.task.await.unwrap();
}

#[tokio::test]
async fn callers_of_a_lane_that_broke_are_told() {
    let mut bench = start(16);
    let waiting = call(&bench, 1).await;
    bench.seen.recv().await;
    bench.task.abort();
    assert_eq!(waiting.await.unwrap(), Err(LaneError::Closed));
    assert_eq!(bench.lane.call(2).await, Err(LaneError::Closed));
}

#[tokio::test]
async fn a_lane_that_closes_does_what_it_has_and_takes_no_more() {
    let mut bench = start(16);
    let first = call(&bench, 1).await;
    bench.seen.recv().await;
    let second = call(&bench, 2).await;
    bench.closing.cancel();
    bench.go.send(()).unwrap();
    bench.go.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(2), Ok(4)));
    bench.task.await.unwrap();
    assert_eq!(bench.lane.call(3).await, Err(LaneError::Closed));
}
