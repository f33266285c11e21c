/** `shared/ready.ts`: waiting until a server is ready. */

import {
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { getAvailablePort } from "@std/net";
import { connectWhenReady } from "../shared/ready.ts";
import { isolated } from "./namespaces.ts";
import { deno } from "./processes.ts";

const host = "127.0.0.1";

/** How long it tries, in milliseconds, unless it is given a `timeout`. */
const PATIENCE = 5000;

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
  assertMatch(error.message, / after 100 ms: .*refused/);
});

Deno.test("an abort ends it at once, with the reason of the abort", async () => {
  const reason = new Error("no longer wanted");
  const abort = new AbortController();
  const connecting = connectWhenReady({ host, port: getAvailablePort() }, { signal: abort.signal });
  await delay(20);
  abort.abort(reason);
  const start = performance.now();
  assertStrictEquals(await assertRejects(() => connecting, Error), reason);
  assertLess(performance.now() - start, PATIENCE / 2);
});

Deno.test("with a signal that is aborted already, no connection is made", async () => {
  using listener = Deno.listen({ hostname: host, port: 0 });
  const reason = new Error("not wanted at all");
  const signal = AbortSignal.abort(reason);
  const { port } = listener.addr;
  const error = await assertRejects(() => connectWhenReady({ host, port }, { signal }), Error);
  assertStrictEquals(error, reason);
  const accepted = listener.accept();
  accepted.catch(() => {});
  await assertRejects(() => deadline(accepted, 100), DOMException);
});

// In a process of its own: a timer that is left would keep it alive for as long as that.
Deno.test("no timer is left, whether it connects or is given up", async () => {
  using listener = Deno.listen({ hostname: host, port: 0 });
  const code = `
    import { connectWhenReady } from "${new URL("../shared/ready.ts", import.meta.url)}";
    const address = { host: "${host}", port: ${listener.addr.port} };
    (await connectWhenReady(address, { timeout: 60_000 })).close();
    const signal = AbortSignal.timeout(50);
    const refused = { host: "${host}", port: ${getAvailablePort()} };
    await connectWhenReady(refused, { timeout: 60_000, signal }).catch(() => {});`;
  const ended = deno(["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`]);
  const { code: exitCode, stderr } = await deadline(ended, 10_000);
  assertEquals([exitCode, stderr], [0, ""]);
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
  const start = performance.now();
  const error = await assertRejects(() => connectWhenReady({ host: "999.0.0.1", port: 1 }), Error);
  assertEquals(error instanceof Deno.errors.TimedOut, false, error.message);
  assertLess(performance.now() - start, PATIENCE / 2);
});

Deno.test("a timeout longer than any timer waits, and so does Infinity", async () => {
  for (const timeout of [2 ** 31, 1e300, Infinity]) {
    const port = getAvailablePort();
    const connecting = connectWhenReady({ host, port }, { timeout });
    await delay(30);
    using listener = Deno.listen({ hostname: host, port });
    using _connection = await connecting;
    (await listener.accept()).close();
  }
});

Deno.test("a timeout that is no time is a RangeError", async () => {
  for (const timeout of [NaN, -1, -Infinity]) {
    await assertRejects(() => connectWhenReady({ host, port: 1 }, { timeout }), RangeError);
  }
});

/** A network of its own, in which every fourth connection to port 40000 starts at port 40000. */
const network = await isolated(
  "--net",
  "ip link set lo up && echo 40000 40007 > /proc/sys/net/ipv4/ip_local_port_range",
);

Deno.test({
  name: `a socket that is connected with itself has not found a server${
    typeof network === "string" ? ` (skipped: ${network})` : ""
  }`,
  ignore: typeof network === "string",
  fn: async () => {
    if (typeof network === "string") return;
    const script = `
      const address = { hostname: "127.0.0.1", port: 40000 };
      // So it is here: without a server, about one of eight attempts succeeds.
      let alone = 0;
      for (let i = 0; i < 200 && alone === 0; i++) {
        await Deno.connect(address).then(async (connection) => {
          alone++;
          await connection.write(new Uint8Array(1024 * 1024)); // as connectWhenReady does
          connection.close();
        }, () => {});
      }
      const { connectWhenReady } = await import("${new URL(
      "../shared/ready.ts",
      import.meta.url,
    )}");
      const connecting = connectWhenReady({ host: address.hostname, port: address.port });
      await new Promise((resolve) => setTimeout(resolve, 1500)); // about 20 attempts
      const listener = Deno.listen(address);
      const [connection, accepted] = await Promise.all([connecting, listener.accept()]);
      console.log(alone > 0, connection.localAddr.port === accepted.remoteAddr.port);
      connection.close();
      accepted.close();
      listener.close();`;
    const { code, stdout, stderr } = await network(
      'exec "$@"',
      ...[Deno.execPath(), "eval", "--quiet", script],
    );
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "true true\n", stderr: "" });
  },
});
