// Calls that come at the same time share one. There is no timer: a batch leaves as soon as the one before it is back, with
// whatever has gathered, so a lone call never waits.

export interface Limits {
  /** Most items that one call takes. */
  maxItems: number;
  /** Most items that may wait for their turn; more are refused. */
  maxWaiting: number;
}

interface Waiting<Item, Answer> {
  item: Item;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** So many wait already that another would be answered too late. */
export class TooManyWaiting extends Error {}

/** A call for one item, by `send`, which takes several and answers each in its place. */
export function inBatches<Item, Answer>(
  send: (items: Item[]) => Promise<Answer[]>,
  { maxItems, maxWaiting }: Limits,
): (item: Item) => Promise<Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  let isSending = false;

  async function sendAll() {
    isSending = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxItems);
      try {
        const answers = await send(batch.map(({ item }) => item));
        if (answers.length !== batch.length) {
          throw new Error(`${answers.length} answers to ${batch.length} items`);
        }
        batch.forEach(({ resolve }, place) => resolve(answers[place]!));
      } catch (error) {
        batch.forEach(({ reject }) => reject(error));
      }
    }
    isSending = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= maxWaiting) {
        reject(new TooManyWaiting(`${maxWaiting} calls wait already`));
        return;
      }
      waiting.push({ item, resolve, reject });
      if (!isSending) void sendAll();
    });
}
