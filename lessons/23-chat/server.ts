/**
 * Lesson 23 · A chat room: the server.
 *
 * What one client says goes to all others, over epoll. A client that does not read cannot be slowed
 * down, since the others talk, not it. So what waits for it has a limit (chat.ts).
 *
 * Run:  deno run --allow-ffi lessons/23-chat/server.ts
 * Try:  deno run --allow-net lessons/23-chat/client.ts --interactive
 * Man:  epoll(7), send(2), tcp(7)
 */

import { READ, WRITE } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { EAGAIN, ECONNABORTED, systemError } from "../../shared/linux/errno.ts";
import {
  addressOf,
  IPPROTO_TCP,
  isOutOfResources,
  listenTcp,
  setsockopt,
  SOCK_NONBLOCK,
  TCP_USER_TIMEOUT,
  tryAccept4,
  tryRecv,
} from "../../shared/linux/socket.ts";
import { EpollSelector } from "../../shared/selectors/epoll.ts";
import { serverOptions } from "../../shared/server.ts";
import { GRACE, Member, Room } from "./chat.ts";
import { flush, MOST_AT_ONCE } from "./flush.ts";

const options = serverOptions();
const listener = listenTcp(options, SOCK_NONBLOCK);
console.log(`listening on ${addressOf(listener)}`);
const buffer = new Uint8Array(16 * 1024);
const room = new Room<number>(deliver);
const members = new Set<Member<number>>(); // those without a name as well
const changed = new Set<Member<number>>(); // those for whom there is something to do
using selector = new EpollSelector<Member<number> | undefined>();
selector.register(listener, READ, undefined);
let pause: number | undefined;
let served = 0;

while (served < options.connections) {
  const ready = selector.select(pause);
  if (pause !== undefined) watchListener(true);
  for (const { data: member, ready: events } of ready) {
    if (member !== undefined) changed.add(member);
    if (member === undefined) acceptOne();
    else if (events & READ) listen(member);
  }
  // Only now is anything sent: one send for each client, however many lines it is to hear.
  for (const member of changed) settle(member);
  changed.clear();
}

for (const { socket } of members) close(socket);
close(listener);

function acceptOne() {
  const fd = tryAccept4(listener, SOCK_NONBLOCK);
  if (fd >= 0) {
    const member = new Member(fd);
    members.add(member);
    selector.register(fd, READ, member);
    room.greet(member);
  } else if (isOutOfResources(fd)) watchListener(false);
  else if (fd !== -EAGAIN && fd !== -ECONNABORTED) throw systemError("accept4", -fd, listener);
}

// While descriptors are short, the next wait leaves the listener out, and lasts 100 ms at most.
function watchListener(watch: boolean) {
  selector.modify(listener, watch ? READ : 0, undefined);
  pause = watch ? undefined : 100;
}

function listen(member: Member<number>) {
  const length = tryRecv(member.socket, buffer);
  if (length > 0) room.hear(member, buffer.subarray(0, length));
  else if (length !== -EAGAIN) room.leave(member); // the end of its input, or a broken connection
}

function deliver(member: Member<number>) {
  changed.add(member);
  // That lines are gathered must not make an outbox overrun.
  if (member.outbox.length >= MOST_AT_ONCE && !member.full) flush(member);
}

function settle(member: Member<number>) {
  const { socket, outbox, leaving } = member;
  const broken = !flush(member); // unless it is leaving, the next recv finds that out
  member.full = outbox.length > 0;
  if (leaving && (broken || !member.full)) {
    served++;
    members.delete(member);
    selector.unregister(socket);
    return close(socket);
  }
  selector.modify(socket, (leaving ? 0 : READ) | (member.full ? WRITE : 0), member);
  if (leaving) setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, GRACE); // then the kernel ends it
}
