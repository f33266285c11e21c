/**
 * Lesson 15 · async and await: the server.
 *
 * The server that you would write: no selector, no event loop and no system call of ours, because
 * Deno has them inside. Yet it waits with epoll, too: the server finds its listener in the watch
 * list of its own process's epoll instance.
 *
 * Run:  deno run --allow-ffi --allow-net lessons/15-async-await/server.ts
 * Try:  deno run --allow-net lessons/15-async-await/client.ts
 * Man:  epoll(7), proc_pid_fdinfo(5)
 */

import { setTimeout as sleep } from "node:timers/promises";
import { sendAll } from "../../shared/client.ts";
import { openOwnDescriptors } from "../../shared/own_descriptors.ts";
import { serverOptions } from "../../shared/server.ts";
import { shout } from "../../shared/shout.ts";
import { watchList } from "./watch_list.ts";

const options = serverOptions();
const { host: hostname, port } = options;
openOwnDescriptors(); // later, clients may have taken all that there are
const listener = Deno.listen({ hostname, port, tcpBacklog: 4096 });
const watched = watchList(listener.addr.port); // now, while no client is in it
console.log(`listening on ${hostname}:${listener.addr.port}`);
for (const line of watched) console.log(line);

const OUT_OF_RESOURCES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
// The client was reset before it was accepted: Deno asks for its address, and there is none.
const GONE = ["ECONNABORTED", "ENOTCONN"];
let served = 0;

while (true) {
  try {
    // `await` gives way to whatever else is ready, as `yield*` does in lesson 13.
    serve(await listener.accept());
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (OUT_OF_RESOURCES.includes(code)) await sleep(100); // until descriptors may be free again
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
    // A reset concerns this client alone; an error without a code is a bug in this script.
    if ((error as { code?: string }).code === undefined) throw error;
  } finally {
    connection.close();
  }
  // Deno's event loop would wait for all that are still connected.
  if (++served === options.connections) Deno.exit();
}
