import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert";
import { inBatches, TooManyWaiting } from "./batches.ts";

/** A sender that keeps what it is asked until told to answer it. */
function sender() {
  const asked: number[][] = [];
  const answers: PromiseWithResolvers<string[]>[] = [];
  const send = (items: number[]) => {
    asked.push(items);
    const answer = Promise.withResolvers<string[]>();
    answers.push(answer);
    return answer.promise;
  };
  return { asked, answers, send };
}

Deno.test("a lone call leaves at once, and what gathers meanwhile leaves together", async () => {
  const { asked, answers, send } = sender();
  const call = inBatches(send, { maxItems: 2, maxWaiting: 10 });
  const calls = [1, 2, 3, 4].map(call);
  assertEquals(asked, [[1]]);
  answers[0]?.resolve(["one"]);
  assertEquals(await calls[0], "one");
  assertEquals(asked, [[1], [2, 3]], "no more than a batch may hold");
  answers[1]?.resolve(["two", "three"]);
  assertEquals(await Promise.all(calls.slice(1, 3)), ["two", "three"], "each gets its own answer");
  answers[2]?.resolve(["four"]);
  assertEquals(await calls[3], "four");
  assertEquals(asked, [[1], [2, 3], [4]]);
});

Deno.test("a call that fails is told to all that shared it, and to nobody else", async () => {
  const { answers, send } = sender();
  const call = inBatches(send, { maxItems: 8, maxWaiting: 10 });
  const calls = [1, 2, 3].map(call);
  answers[0]?.resolve(["one"]);
  await calls[0];
  answers[1]?.reject(new Error("away"));
  for (const shared of calls.slice(1)) await assertRejects(shared, /away/);
  const later = call(4);
  answers[2]?.resolve(["four"]);
  assertEquals(await later, "four");
});

Deno.test("answers that are too few are nobody's", async () => {
  const call = inBatches(() => Promise.resolve([]), { maxItems: 8, maxWaiting: 10 });
  await assertRejects(call(1), /0 answers to 1 items/);
});

Deno.test("more than may wait are refused", async () => {
  const { answers, send } = sender();
  const call = inBatches(send, { maxItems: 1, maxWaiting: 1 });
  const [sent, waiting] = [call(1), call(2)];
  await assertRejects(call(3), TooManyWaiting);
  answers[0]?.resolve(["one"]);
  await sent;
  answers[1]?.resolve(["two"]);
  assertEquals(await waiting, "two");
});
