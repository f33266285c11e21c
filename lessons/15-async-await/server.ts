/**
 * Lesson 15 · async and await: the server.
 *
 * The shortest of all. No selector, no loop and no system call of ours: Deno has them inside. Yet
 * it is the same machine: the server shows its listener in the epoll instance of its own process.
 *
 * Run:  deno run --allow-ffi --allow-net lessons/15-async-await/server.ts
 * Try:  deno run --allow-net lessons/15-async-await/client.ts
 * Man:  epoll(7), proc_pid_fdinfo(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { sendAll } from "../../shared/client.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { watchList } from "./watch_list.ts";

const options = serverOptions();
const { host: hostname, port } = options;
const listener = Deno.listen({ hostname, port, tcpBacklog: 4096 });
console.log(`listening on ${hostname}:${listener.addr.port}`);
for (const line of watchList(listener.addr.port)) console.log(line);

const SHORTAGE = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
// A client that is gone before it is accepted: Deno asks for its address, and there is none.
const GONE = ["ECONNABORTED", "ENOTCONN"];
let served = 0;

while (true) {
  try {
    // `await` gives way to whoever has something to do, as `yield*` does in lesson 13.
    serve(await listener.accept());
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (SHORTAGE.includes(code)) await sleep(100); // and see whether there are descriptors then
    else if (!GONE.includes(code)) throw error;
  }
}

async function serve(connection: Deno.TcpConn) {
  const buffer = new Uint8Array(64 * 1024);
  try {
    connection.setNoDelay();
    for (let length; (length = await connection.read(buffer)) !== null;) {
      await sendAll(connection, shout(buffer, length).subarray(0, length));
    }
  } catch (error) {
    // A reset concerns this client alone; any other error is a fault of this script.
    if ((error as { code?: string }).code === undefined) throw error;
  } finally {
    connection.close();
  }
  // As long as anybody is connected, Deno's event loop would go on, which waits for all of them.
  if (++served === options.connections) Deno.exit();
}
