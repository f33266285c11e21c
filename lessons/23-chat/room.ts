/**
 * Lesson 23 · A chat room: the server over await.
 *
 * The same room as in server.ts, as async functions: one for each client reads, another one writes.
 * While a write is under way, what is said meanwhile gathers in the outbox, and goes with the next.
 *
 * Run:  deno run --allow-net lessons/23-chat/room.ts
 * Try:  deno run --allow-net lessons/23-chat/client.ts
 * Man:  epoll(7), send(2)
 */

import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { sendAll } from "../../shared/client.ts";
import { openOwnDescriptors } from "../../shared/own_descriptors.ts";
import { serverOptions } from "../../shared/server.ts";
import { GRACE, Member, Room } from "./chat.ts";

const options = serverOptions();
const { host: hostname, port } = options;
openOwnDescriptors(); // later, clients may have taken all that there are
const listener = Deno.listen({ hostname, port, tcpBacklog: 4096 });
console.log(`listening on ${hostname}:${listener.addr.port}`);

const OUT_OF_RESOURCES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
// The client was reset before it was accepted: Deno asks for its address, and there is none.
const GONE = ["ECONNABORTED", "ENOTCONN"];
const room = new Room<Deno.TcpConn>(deliver);
const connections = new Set<Deno.TcpConn>();
let floor: Promise<unknown> = Promise.resolve();
let served = 0;

while (true) {
  try {
    serve(await listener.accept());
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (OUT_OF_RESOURCES.includes(code)) await sleep(100); // until descriptors may be free again
    else if (!GONE.includes(code)) throw error;
  }
}

async function serve(connection: Deno.TcpConn) {
  connections.add(connection);
  const member = new Member(connection);
  const piece = new Uint8Array(4096); // each client has one
  try {
    connection.setNoDelay();
    room.greet(member);
    for (let length; (length = await connection.read(piece)) !== null;) {
      // One client is heard in each turn of the event loop, which finds out in between which writes
      // are done. Otherwise those to clients that read could overrun, too, when many speak at once.
      await (floor = floor.then(() => turn()));
      room.hear(member, piece.subarray(0, length));
    }
  } catch (error) {
    // Broken, or closed by us; an error without a code is a bug in this script.
    if (connections.has(connection) && !isOfConnection(error)) throw error;
  }
  room.leave(member);
}

/** Writes what waits for a client, until nothing does. Runs once at a time for each client. */
async function deliver(member: Member<Deno.TcpConn>) {
  const { socket, outbox } = member;
  if (member.leaving) setTimeout(close, GRACE, socket); // if it takes nothing until then
  if (member.full) return;
  member.full = true;
  try {
    while (outbox.length > 0) await sendAll(socket, outbox.take(64 * 1024));
  } catch (error) {
    if (connections.has(socket) && !isOfConnection(error)) throw error;
  }
  member.full = false;
  if (member.leaving) close(socket);
}

function isOfConnection(error: unknown): boolean {
  return (error as { code?: string }).code !== undefined;
}

function close(connection: Deno.TcpConn) {
  if (!connections.delete(connection)) return;
  connection.close();
  // Deno's event loop would wait for all that are still connected.
  if (++served === options.connections) Deno.exit();
}
