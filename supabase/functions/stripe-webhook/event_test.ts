import { throws as assertThrows } from "node:assert";
import { NotAnEvent, trimEvent } from "./event.ts";

Deno.test("text that is not plain ASCII cannot spoil the call that events share", () => {
  for (const id of ["evt_\u0000", "evt_\ud800", "evt 1", "\u00e9vt_1"]) {
    const event = { id, object: "event", type: "invoice.paid", created: 1_795_000_000, data: { object: {} } };
    assertThrows(() => trimEvent(event), new NotAnEvent("The event has no id"), id);
  }
});
