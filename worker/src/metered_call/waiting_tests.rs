use std::time::Duration;

use uuid::Uuid;

use super::*;

const ACCOUNT: Uuid = Uuid::from_u128(1);

fn join(waiting: &WaitingCalls, account_id: Uuid, place: Place, ticket: i64) -> Option<Seat<'_>> {
    waiting.join(account_id, Uuid::now_v7(), place, ticket)
}

#[test]
fn room_freed_by_another_worker_is_noticed_within_a_tenth_of_a_second() {
    const { assert!(POLL_MILLISECONDS <= 100) };
}

async fn comes_soon(seat: &Seat<'_>) -> bool {
    tokio::time::timeout(Duration::from_millis(POLL_MILLISECONDS / 2), seat.turn()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_first_asks_again_by_itself_and_the_next_only_after_it() {
    let waiting = WaitingCalls::default();
    let first = join(&waiting, ACCOUNT, Place::Account, 1).unwrap();
    let second = join(&waiting, ACCOUNT, Place::Account, 2).unwrap();
    first.turn().await;
    assert!(tokio::time::timeout(Duration::from_secs(10), second.turn()).await.is_err());
    drop(first);
    assert!(comes_soon(&second).await, "it is woken when the first has left");
}

#[tokio::test(start_paused = true)]
async fn the_least_ticket_is_first_whoever_joins_first() {
    let waiting = WaitingCalls::default();
    let later = join(&waiting, ACCOUNT, Place::Account, 9).unwrap();
    let earlier = join(&waiting, ACCOUNT, Place::Account, 5).unwrap();
    earlier.turn().await;
    assert!(tokio::time::timeout(Duration::from_secs(10), later.turn()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_wakes_the_first_in_each_place_of_its_account_only() {
    let waiting = WaitingCalls::default();
    let key = join(&waiting, ACCOUNT, Place::ApiKey(Some(Uuid::from_u128(7))), 1).unwrap();
    let member = join(&waiting, ACCOUNT, Place::Member(Uuid::from_u128(8)), 2).unwrap();
    let behind = join(&waiting, ACCOUNT, Place::Member(Uuid::from_u128(8)), 3).unwrap();
    let stranger = join(&waiting, Uuid::from_u128(2), Place::Account, 4).unwrap();
    waiting.room_freed(ACCOUNT, Duration::from_millis(300));
    assert!(comes_soon(&key).await && comes_soon(&member).await);
    assert!(!comes_soon(&behind).await && !comes_soon(&stranger).await);
}

#[tokio::test(start_paused = true)]
async fn room_freed_while_a_call_asks_is_not_missed() {
    let waiting = WaitingCalls::default();
    let seat = join(&waiting, ACCOUNT, Place::Account, 1).unwrap();
    seat.turn().await;
    waiting.room_freed(ACCOUNT, Duration::from_millis(300));
    assert!(comes_soon(&seat).await);
}

#[test]
fn the_queue_is_bounded_for_an_account_and_for_the_worker_and_empties() {
    let waiting = WaitingCalls::default();
    let of = |account: u128, many: usize| -> Vec<_> {
        (0..many).map_while(|_| join(&waiting, Uuid::from_u128(account), Place::Account, 1)).collect()
    };
    let greedy = of(1, MAX_WAITING_PER_ACCOUNT + 1);
    assert_eq!(greedy.len(), MAX_WAITING_PER_ACCOUNT);
    let early: Vec<_> = (2..=4).flat_map(|account| of(account, MAX_WAITING_PER_ACCOUNT)).collect();
    assert_eq!(greedy.len() + early.len(), MAX_WAITING / 2);
    assert_eq!(of(5, MAX_WAITING_PER_ACCOUNT).len(), MAX_WAITING_PER_ACCOUNT_WHEN_BUSY, "the rest is shared");
    let others: Vec<_> = (6..=99).flat_map(|account| of(account, MAX_WAITING_PER_ACCOUNT)).collect();
    assert_eq!(greedy.len() + early.len() + others.len(), MAX_WAITING);
    assert!(join(&waiting, Uuid::from_u128(99), Place::Account, 1).is_none());
    drop((greedy, early, others));
    assert!(waiting.lock().is_empty());
}

#[test]
fn a_client_is_told_to_wait_as_long_as_holds_last() {
    let waiting = WaitingCalls::default();
    assert_eq!(waiting.retry_after_seconds(Duration::ZERO), 2);
    waiting.room_freed(ACCOUNT, Duration::from_millis(4_200));
    assert_eq!(waiting.retry_after_seconds(Duration::ZERO), 5);
    for _ in 0..100 {
        waiting.room_freed(ACCOUNT, Duration::from_millis(40));
    }
    assert_eq!(waiting.retry_after_seconds(Duration::ZERO), 1);
    waiting.room_freed(ACCOUNT, Duration::from_secs(86_400));
    assert_eq!(waiting.retry_after_seconds(Duration::ZERO), 60);
}
