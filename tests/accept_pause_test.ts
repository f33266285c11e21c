/** `shared/accept_pause.ts`: a pause in accepting clients. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { AcceptPause } from "../shared/accept_pause.ts";
import { sleep } from "../shared/linux/time.ts";

/** A pause, and what it has asked for so far: to watch the listener, or not. */
function recorded(): { pause: AcceptPause; watched: boolean[] } {
  const watched: boolean[] = [];
  return { pause: new AcceptPause((accepting) => watched.push(accepting)), watched };
}

Deno.test("AcceptPause begins without a pause, and asks for nothing", () => {
  const { pause, watched } = recorded();
  pause.endIfOver();
  pause.end();
  assertEquals([pause.active, pause.timeout, watched], [false, undefined, []]);
});

Deno.test("begin() ends the watch, and says how long the server may wait", () => {
  const { pause, watched } = recorded();
  pause.begin();
  assertEquals([pause.active, watched], [true, [false]]);
  const timeout = pause.timeout!;
  assert(timeout > 0 && timeout <= 100 && Number.isInteger(timeout), `the timeout is ${timeout}`);
});

Deno.test("endIfOver() leaves a pause alone until its time is over, and ends it then", () => {
  const { pause, watched } = recorded();
  const start = performance.now();
  pause.begin();
  pause.endIfOver();
  assertEquals(pause.active, performance.now() < start + 100);
  // A server that waits for as long as it may finds the pause over: it does not spin.
  let waits = 0;
  for (; pause.active && waits < 10; waits++) {
    sleep(pause.timeout!);
    pause.endIfOver();
  }
  assert(performance.now() - start >= 100, "the pause was too short");
  assertLess(waits, 3);
  assertEquals([pause.active, pause.timeout, watched], [false, undefined, [false, true]]);
});

Deno.test("end() ends a pause early, and only once", () => {
  const { pause, watched } = recorded();
  pause.begin();
  pause.end();
  pause.end();
  assertEquals([pause.active, pause.timeout, watched], [false, undefined, [false, true]]);
});

Deno.test("begin() can pause again after an end", () => {
  const { pause, watched } = recorded();
  pause.begin();
  pause.end();
  pause.begin();
  assertEquals([pause.active, watched], [true, [false, true, false]]);
});

Deno.test("a pause without a listener to watch is one all the same", () => {
  const pause = new AcceptPause();
  pause.begin();
  assertEquals(pause.active, true);
  pause.end();
  assertEquals(pause.active, false);
});
