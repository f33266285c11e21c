/** `shared/ready.ts`: waiting until a server is ready. */

import {
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { getAvailablePort } from "@std/net";
import { connectWhenReady } from "../shared/ready.ts";

const host = "127.0.0.1";

Deno.test("a client may be started before its server, which sees one connection", async () => {
  const port = getAvailablePort();
  const connecting = connectWhenReady({ host, port });
  await delay(150);
  using listener = Deno.listen({ hostname: host, port });
  using accepted = await listener.accept();
  using connection = await connecting;
  await connection.write(new Uint8Array(3));
  assertEquals(await accepted.read(new Uint8Array(10)), 3);
  // There was no probe before it, and none comes after it.
  const another = listener.accept();
  another.catch(() => {});
  await assertRejects(() => deadline(another, 150), DOMException);
});

Deno.test("when the time is up, the error has the address and the last reason", async () => {
  const port = getAvailablePort();
  const start = performance.now();
  const error = await assertRejects(
    () => connectWhenReady({ host, port }, { timeout: 100 }),
    Deno.errors.TimedOut,
    `${host}:${port} after 100 ms: `,
  );
  assertGreater(performance.now() - start, 95);
  assertLess(error.message.indexOf("refused"), error.message.length);
  assertGreater(error.message.indexOf("refused"), 0);
});

Deno.test("an abort ends it at once, with the reason of the abort", async () => {
  const reason = new Error("no longer wanted");
  const abort = new AbortController();
  const connecting = connectWhenReady({ host, port: getAvailablePort() }, { signal: abort.signal });
  await delay(20);
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => connecting, Error), reason);
});

Deno.test("an abort after the connection was handed over does not close it", async () => {
  using listener = Deno.listen({ hostname: host, port: 0 });
  const abort = new AbortController();
  const options = { signal: abort.signal, timeout: 50 };
  using connection = await connectWhenReady({ host, port: listener.addr.port }, options);
  using accepted = await listener.accept();
  abort.abort();
  await delay(100);
  await connection.write(new Uint8Array(3));
  assertEquals(await accepted.read(new Uint8Array(10)), 3);
});

Deno.test("any error but a refusal is handed on at once", async () => {
  await assertRejects(() => connectWhenReady({ host: "999.0.0.1", port: 1 }), Error);
});
