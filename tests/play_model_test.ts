/** The player's model: what the kernel holds at any time, derived from what was recorded. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { descriptorsIn, type Model, modelOf, momentOf } from "../shared/tools/play/model.ts";
import { readTraces } from "../shared/tools/play/record.ts";
import { pack, unpack } from "../shared/tools/play/recording.ts";
import { rowsOf } from "../shared/tools/play/rows.ts";
import { sentenceOf } from "../shared/tools/play/sentence.ts";
import { Series } from "../shared/tools/play/series.ts";
import { stepFrom, Steps } from "../shared/tools/play/steps.ts";
import { wakesOf } from "../shared/tools/play/wakes.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { recorderUrl } from "../shared/tools/trace/settings.ts";
import { deno } from "./processes.ts";

type Args = TraceEvent["args"];

function call(name: string, ts: number, dur: number, args: Args, tid = 1): TraceEvent {
  return { name, cat: "call", ph: "X", pid: 1, tid, ts, dur, args };
}

function connect(client: number, ts: number, dur: number, port: number): TraceEvent {
  return { name: "connect", cat: "client", ph: "X", pid: 2, tid: client, ts, dur, args: { port } };
}

function socket(client: number, name: string, ts: number, args: Args = {}): TraceEvent {
  return { name, cat: "socket", ph: "i", s: "t", pid: 2, tid: client, ts, args };
}

function coroutine(id: number, name: string, ph: "b" | "e", ts: number): TraceEvent {
  return { name, cat: "coroutine", ph, pid: 1, tid: 0, ts, id: String(id), args: {} };
}

const NAMES = { "1 1": "server", "2 1": "client 1", "2 2": "client 2" };

function build(events: TraceEvent[]): Model {
  return modelOf(events.toSorted((a, b) => a.ts - b.ts), NAMES);
}

/** One thread that sleeps in the first client's recv, while the second one waits. */
const BLOCKING = [
  call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
  call("accept4", -490, 1090, { fd: 3, result: 4, peer: 1001 }),
  call("recv", 700, 99_300, { fd: 4, length: 65536, result: 5 }),
  call("send", 100_100, 50, { fd: 4, length: 5, result: 5 }),
  call("recv", 100_200, 2000, { fd: 4, length: 65536, result: 0 }),
  call("close", 102_300, 10, { fd: 4, result: 0 }),
  call("accept4", 102_400, 10, { fd: 3, result: 4, peer: 1002 }),
  call("recv", 102_500, 10, { fd: 4, length: 65536, result: 7 }),
  connect(1, 0, 500, 1001),
  connect(2, 600, 400, 1002),
  socket(2, "taken", 2000, { bytes: 7 }),
  socket(1, "taken", 99_900, { bytes: 5 }),
  socket(1, "given", 100_300, { bytes: 5 }),
  socket(1, "closed", 102_100),
];

Deno.test("a client that was not accepted is in the queue, and its bytes are in the kernel", () => {
  const model = build(BLOCKING);
  const moment = momentOf(model, 50_000);
  assertEquals(moment.queue, ["client 2"]);
  assertEquals(
    moment.connections.map(({ name, fd, state, toServer }) => [name, fd, state, toServer]),
    [["client 1", 4, "open", 0], ["client 2", -1, "queued", 7]],
  );
  assertEquals(moment.threads, [{ name: "server", calls: ["recv(4)"] }]);
  assertEquals(momentOf(model, 102_450).queue, []);
  assertEquals(momentOf(model, 102_450).connections[0].state, "closed");
  assertEquals(momentOf(model, 102_450).connections[1].toServer, 7);
  assertEquals(momentOf(model, 102_515).connections[1].toServer, 0);
});

Deno.test("bytes count from the moment when one side gives them until the other takes them", () => {
  const model = build(BLOCKING);
  const at = (time: number) => momentOf(model, time).connections[0];
  assertEquals([at(99_899), at(99_950), at(100_050)].map(({ toServer }) => toServer), [0, 5, 0]);
  assertEquals([at(100_099), at(100_150), at(100_301)].map(({ toClient }) => toClient), [0, 5, 0]);
  assertEquals([at(102_099), at(102_150)].map(({ ended }) => ended), [false, true]);
});

Deno.test("what splice moves has left the one socket, and is on its way through the other", () => {
  const model = build([
    call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
    connect(1, 0, 5, 1001),
    socket(1, "taken", 10, { bytes: 100 }),
    call("accept4", 20, 5, { fd: 3, result: 4, peer: 1001 }),
    call("splice", 30, 10, { from: 4, to: 8, length: 65536, result: 100 }), // into a pipe
    call("splice", 50, 10, { from: 7, to: 4, length: 65536, result: 60 }), // out of another one
    socket(1, "given", 55, { bytes: 60 }), // before the call has returned
    call("splice", 70, 10, { from: 4, to: 8, length: 65536, result: 0 }),
  ]);
  const [{ toServer, toClient }] = model.connections;
  assertEquals([29, 45].map((time) => toServer.waiting(time)), [100, 0]);
  assertEquals([49, 52, 56].map((time) => toClient.waiting(time)), [0, 60, 0]);
  assertEquals([35, 52, 75].map((time) => sentenceOf(model, time)), [
    "splice(4, 8) moves 100 bytes of client 1 into a pipe, inside the kernel.",
    "splice(7, 4) moves 60 bytes for client 1 out of a pipe, inside the kernel.",
    "splice(4, 8) returns 0: client 1 has finished sending.",
  ]);
});

Deno.test("the sentence says in which phase the thread is, and for whom that means waiting", () => {
  const model = build(BLOCKING);
  assertEquals(
    sentenceOf(model, 52_000),
    "Phase 1: the thread sleeps in recv(4) until client 1 sends something. 7 bytes of client 2, " +
      "which is in the accept queue, have been waiting in the kernel for 50 ms.",
  );
  assertStringIncludes(sentenceOf(model, 99_950), "Phase 2: recv(4) copies 5 bytes of client 1");
  assertStringIncludes(sentenceOf(model, 100_120), "send(4) hands 5 bytes for client 1");
  assertStringIncludes(sentenceOf(model, 102_405), "accept4(3) takes client 2 out of the accept");
});

Deno.test("an arrow leads from what a client did to the call that it woke, and to no other", () => {
  const wakes = wakesOf(build(BLOCKING));
  assertEquals(
    wakes.map(({ connection, from, to }) => [connection.name, from, to]),
    [["client 1", 500, 600], ["client 1", 99_900, 100_000], ["client 1", 102_100, 102_200]],
  );
});

Deno.test("epoll's ready list holds what has bytes, and edge-triggered only what is new", () => {
  for (const [events, later] of [["EPOLLIN", [4]], ["EPOLLIN|EPOLLET", []]] as const) {
    const model = build([
      call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
      call("epoll_create1", -400, 5, { result: 9 }),
      connect(1, 0, 10, 1001),
      call("accept4", 20, 5, { fd: 3, result: 4, peer: 1001 }),
      call("epoll_ctl", 30, 5, { epfd: 9, operation: "EPOLL_CTL_ADD", fd: 4, events, result: 0 }),
      call("epoll_wait", 40, 5000, { epfd: 9, result: 1, found: `${events} 4` }),
      socket(1, "taken", 5000, { bytes: 9 }),
      call("recv", 6000, 5, { fd: 4, length: 5, result: 5 }),
      call("close", 9000, 5, { fd: 4, result: 0 }),
    ]);
    const at = (time: number) => momentOf(model, time).epolls[0];
    assertEquals(at(1000), { fd: 9, interest: [4], ready: [] });
    assertEquals(at(5010).ready, [4]);
    assertEquals(at(6100).ready, [...later]); // 4 bytes are left, which were reported
    assertEquals(at(9010).interest, []); // the kernel forgets what is closed
  }
});

Deno.test("select's sets are those of the call, and what it found is known when it returns", () => {
  const model = build([
    call("select", 0, 5000, { nfds: 9, result: 1, watched: "in 3,5-7", found: "in 6" }),
  ]);
  assertEquals(momentOf(model, 2000).scan, {
    name: "select",
    inside: true,
    watched: [3, 5, 6, 7],
    ready: [],
  });
  assertEquals(momentOf(model, 6000).scan?.ready, [6]);
  assertEquals([...descriptorsIn("POLLIN 7,9-10; POLLOUT 9")], [
    [7, "POLLIN"],
    [9, "POLLIN|POLLOUT"],
    [10, "POLLIN"],
  ]);
});

Deno.test("an io_uring operation is under way, then done, and then seen by the script", () => {
  const uring = (ph: "b" | "e", ts: number, args: Args): TraceEvent => ({
    ...{ name: "recv", cat: "io_uring", ph, pid: 1, tid: 1, ts, id: "7", args },
  });
  const model = build([
    call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
    connect(1, 0, 10, 1001),
    call("accept4", 20, 5, { fd: 3, result: 4, peer: 1001 }),
    uring("b", 30, { fd: 4, length: 64 }),
    call("io_uring_enter", 30, 5000, { fd: 9, submit: 1, result: 1, completed: 1 }),
    socket(1, "taken", 5000, { bytes: 5 }),
    uring("e", 5030, { result: 5 }),
  ]);
  const at = (time: number) => momentOf(model, time).operations;
  assertEquals(at(1000), [{ name: "recv", fd: 4, done: false }]);
  assertEquals(at(5010), [{ name: "recv", fd: 4, done: true }]);
  assertEquals(at(5040), []);
  assertStringIncludes(
    sentenceOf(model, 1000),
    "sleeps in io_uring_enter, while the kernel works on 1 operation",
  );
});

Deno.test("standard signals coalesce, and queued ones are counted", () => {
  for (const [command, pending] of [["F_SETFL", 1], ["F_SETSIG", 2]] as const) {
    const model = build([
      call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
      connect(1, 0, 10, 1001),
      call("accept4", 20, 5, { fd: 3, result: 4, peer: 1001 }),
      call("fcntl", 30, 1, { fd: 4, command, argument: 34, result: 0 }),
      call("fcntl", 40, 1, { fd: 4, command: "F_SETFL", argument: "O_ASYNC", result: 0 }),
      socket(1, "taken", 100, { bytes: 5 }),
      socket(1, "taken", 200, { bytes: 5 }),
      { name: "SIGIO", cat: "signal", ph: "i", s: "t", pid: 1, tid: 1, ts: 300, args: {} },
    ]);
    assertEquals([90, 150, 250, 350].map((time) => momentOf(model, time).signals), [
      0,
      1,
      pending,
      0,
    ]);
  }
});

/** Two processes sleep side by side in accept4 on one listener; one is killed, one takes over. */
const FAMILY = [
  call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 }),
  call("posix_spawn", -400, 5, { path: "deno", result: 0, pid: 11 }),
  call("posix_spawn", -390, 5, { path: "deno", result: 0, pid: 12 }),
  { ...call("accept4", -300, 1310, { fd: 3, result: 4, peer: 1001 }), pid: 11, tid: 11 },
  { ...call("accept4", -290, 5300, { fd: 3, result: 4, peer: 1002 }), pid: 12, tid: 12 },
  connect(1, 0, 1000, 1001),
  connect(2, 4000, 1000, 1002),
  { ...call("recv", 1100, 8910, { fd: 4, length: 9, result: 3 }), pid: 11, tid: 11 },
  { ...call("recv", 5100, 30_000, { fd: 4, length: 9, result: 5 }), pid: 12, tid: 12 },
  socket(1, "taken", 10_000, { bytes: 3 }),
  { ...call("kill", 10_020, 0, { pid: 11, signal: "SIGKILL", result: "?" }), pid: 11, tid: 11 },
  socket(1, "given", 10_100, { bytes: 0 }),
  call("waitpid", 10_300, 5, { pid: -1, options: "WNOHANG", result: 11, ended: "SIGKILL" }),
  call("posix_spawn", 20_000, 5, { path: "deno", result: 0, pid: 13 }),
  socket(2, "taken", 35_000, { bytes: 5 }),
];

Deno.test("descriptors belong to a process, which the kernel closes when it is killed", () => {
  const model = build(FAMILY);
  const at = (time: number) => momentOf(model, time);
  assertEquals(
    at(9000).connections.map(({ fd, process, state }) => [fd, process, state]),
    [[4, "process 11", "open"], [4, "process 12", "open"]],
  );
  assertEquals([10_050, 10_200].map((time) => at(time).connections.map(({ state }) => state)), [
    ["open", "open"],
    ["closed", "open"],
  ]);
  assertEquals([10_050, 10_200, 15_000, 20_010].map((time) => at(time).processes[0].state), [
    "running",
    "zombie",
    "ended",
    "ended",
  ]);
  assertEquals([15_000, 20_010].map((time) => at(time).processes[2].state), ["before", "running"]);
  assertEquals(at(35_050).connections[1].toServer, 5);
  assertEquals(
    wakesOf(model).map(({ connection, thread, to }) => [connection.name, thread.pid, to]),
    [["client 1", 11, 1010], ["client 2", 12, 5010], ["client 1", 11, 10_010]].concat([
      ["client 2", 12, 35_100],
    ]),
  );
  assertStringIncludes(sentenceOf(model, 10_200), "Process 11 has ended with SIGKILL, and is a");
  assertMatch(sentenceOf(model, 9000), /^Phase 1: .* until client 1 .*; 1 other process sleeps\.$/);
});

Deno.test("coroutines are below the one that started them, and one runs at a time", () => {
  const events = [
    coroutine(1, "acceptAll", "b", 0),
    coroutine(1, "running", "b", 10),
    coroutine(2, "serve-4", "b", 20),
    coroutine(1, "running", "e", 30),
    coroutine(2, "running", "b", 40),
    call("recv", 45, 3, { fd: 4, length: 5, result: -1, error: "EAGAIN (…)", at: 7 }),
    coroutine(2, "running", "e", 50),
    coroutine(2, "serve-4", "e", 60),
  ];
  const model = build(events);
  const at = (time: number) => momentOf(model, time).coroutines.map(({ state }) => state);
  assertEquals([5, 25, 45, 55, 65].map(at), [
    ["waiting", "before"],
    ["running", "waiting"],
    ["waiting", "running"],
    ["waiting", "waiting"],
    ["waiting", "ended"],
  ]);
  assertEquals([45, 55].map((time) => model.coroutines[1].at.at(time)), [7, 7]);
  const { rows } = rowsOf(events, NAMES, model);
  assertEquals(rows.map(({ name, depth }) => [name, depth]), [
    ["server", 0],
    ["acceptAll", 0],
    ["serve-4", 1],
  ]);
});

Deno.test("many clients are a crowd and some lanes, with the one that waited longest", () => {
  const events = [call("listen", -500, 5, { fd: 3, backlog: 4096, result: 0 })];
  for (let client = 1; client <= 1000; client++) {
    events.push(connect(client, client, 1, client));
    const accepted = client === 777 ? 100_000 : client + 2000;
    events.push(call("accept4", accepted, 1, { fd: 3, result: client, peer: client }));
  }
  events.sort((a, b) => a.ts - b.ts);
  const names = Object.fromEntries(
    events.map(({ pid, tid }) => [`${pid} ${tid}`, `client ${tid}`]),
  );
  const model = modelOf(events, names);
  const { rows, indexOf } = rowsOf(events, names, model);
  assertLess(rows.length, 12);
  assert(rows.some(({ name }) => name === "client 777"));
  assertEquals(rows.at(-1)!.name, "all 1,000 clients");
  assertEquals(indexOf("client", "client 500"), rows.length - 1);
  const { states, counts, most } = rows.at(-1)!.crowd!;
  assertEquals(most, 1000);
  assertEquals(counts[states.indexOf("queued")][300], 1); // in the middle, all but one are accepted
});

Deno.test("a series has its value from its change on, and finds when a condition began", () => {
  const series = new Series(0);
  for (const [time, value] of [[1, 5], [3, 8], [3, 9], [7, 12]]) series.set(time, value);
  assertEquals([0, 1, 2.9, 3, 100].map((time) => series.at(time)), [0, 5, 5, 9, 12]);
  assertEquals([series.since(0), series.since(4)], [-Infinity, 3]);
  assertEquals([series.when((value) => value > 5), series.when((value) => value > 12)], [
    3,
    Infinity,
  ]);
});

Deno.test("packed events are the same again, to a tenth of a microsecond", () => {
  const events = [...BLOCKING, coroutine(1, "a", "b", 5)];
  assertEquals(unpack(JSON.parse(JSON.stringify(pack(events)))), events);
  const many = Array.from({ length: 1000 }, (_, i) => socket(i, "taken", i / 3));
  const { shapes, numbers } = pack(many);
  assertEquals(shapes.length, 1);
  assertEquals(numbers.slice(0, 6), [0, 0, 0, 0, 1, 3]);
});

Deno.test("stepping through a run and back, and going there directly, find the same", () => {
  const model = build(BLOCKING);
  const steps = new Steps(BLOCKING, model).all("event");
  assertGreater(steps.length, 15);
  const forward: number[] = [];
  for (let time: number | undefined = -1; (time = stepFrom(steps, time, 1)) !== undefined;) {
    forward.push(time);
  }
  assertEquals(forward, [...steps]);
  const back: number[] = [];
  for (let time: number | undefined = 1e9; (time = stepFrom(steps, time, -1)) !== undefined;) {
    back.push(time);
  }
  assertEquals(back.reverse(), forward);
  const onTheWay = forward.map((time) => momentOf(model, time));
  for (let i = 0; i < 200; i++) {
    const at = Math.floor(Math.random() * forward.length);
    assertEquals(momentOf(build(BLOCKING), forward[at]), onTheWay[at]);
  }
});

Deno.test("one can step to wake-ups, to runs of EAGAIN, and through one client's events", () => {
  const polls = call("recv", 200_000, 5000, { fd: 4, error: "EAGAIN (…)", count: 9, result: -1 });
  const events = [...BLOCKING, polls].sort((a, b) => a.ts - b.ts);
  const steps = new Steps(events, build(events));
  assertEquals([...steps.all("wake-up")], [600, 100_000, 102_200]);
  assertEquals([...steps.all("EAGAIN run")], [200_000]);
  // An address holds rounded times: what it meant is what had just happened then.
  assertEquals([99_899.95, 100_000.04, 50_000].map((time) => steps.near(time, 0.06)), [
    99_900,
    100_000,
    undefined,
  ]);
  const second = steps.ofClient(1);
  assert(second.includes(2000) && second.includes(102_500));
  assert(!second.includes(700) && !second.includes(100_100));
});

/** A server and its clients in one process, which does something at random and asks the kernel. */
const RANDOM = `
  import { connectWhenReady } from "shared/ready.ts";
  import { close } from "shared/linux/descriptors.ts";
  import { getsockname, listenTcp, SOCK_NONBLOCK, tryAccept4, tryRecv, trySend } from
    "shared/linux/socket.ts";
  const host = "127.0.0.1";
  const listener = listenTcp({ host, port: 0 }, SOCK_NONBLOCK);
  const { port } = getsockname(listener);
  const buffer = new Uint8Array(65536);
  const clients = [], fds = [], unread = [];
  let state = 12345;
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  for (let i = 0; i < 120; i++) {
    const [what, at, size] = [random(6), random(fds.length || 1), 1 + random(9000)];
    if (what === 0 && clients.length < 8) {
      clients.push(await connectWhenReady({ host, port }));
      unread.push(0);
    } else if (what === 1 && fds.length < clients.length) {
      fds.push(tryAccept4(listener, SOCK_NONBLOCK));
    }
    else if (what === 2 && clients.length > 0) {
      await clients[random(clients.length)].write(buffer.subarray(0, size));
    } else if (what === 3 && fds.length > 0) tryRecv(fds[at], buffer, size);
    else if (what === 4 && fds.length > 0 && unread[at] < 100_000) {
      unread[at] += trySend(fds[at], buffer, size);
    } else if (what === 5 && unread[at] > 0) {
      unread[at] -= await clients[at].read(buffer.subarray(0, size));
    } else continue;
    await new Promise((resolve) => setTimeout(resolve, 3));
    const time = Number(Temporal.Now.instant().epochNanoseconds) / 1000;
    // Of other processes there may be thousands.
    const own = ":" + port.toString(16).padStart(4, "0").toUpperCase() + " ";
    const table = Deno.readTextFileSync("/proc/net/tcp").split("\\n")
      .filter((line, i) => i === 0 || line.includes(own)).join("\\n");
    console.log(JSON.stringify({ time, port, table }));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  Deno.exit();`;

/** What the kernel says of its sockets: rows of ports, state, and bytes in the queues. */
function socketsIn(table: string) {
  return table.trim().split("\n").slice(1).map((line) => {
    const [, local, remote, state, queues] = line.trim().split(/\s+/);
    const [sending, receiving] = queues.split(":").map((text) => parseInt(text, 16));
    const [from, to] = [local, remote].map((text) => parseInt(text.split(":")[1], 16));
    return { from, to, listens: state === "0A", sending, receiving };
  });
}

/** Runs a script under the recorder: the model of the run, and what the script saw. */
async function recorded(script: string) {
  const folder = await Deno.makeTempDir();
  const shared = new URL("../shared/", import.meta.url).href;
  await Deno.writeTextFile(`${folder}/script.js`, script.replaceAll("shared/", shared));
  const trace = `${folder}/trace.json`;
  const preload = recorderUrl(["-A"], { trace, name: "script", detailed: true });
  const { stdout, stderr } = await deno(["run", "-A", "--preload", preload, `${folder}/script.js`]);
  assertEquals(stderr, "");
  const { events, names, began } = readTraces([trace], "lessons/01-blocking/server.ts");
  await Deno.remove(folder, { recursive: true });
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  return { model: modelOf(unpack(events), names), began, lines };
}

Deno.test("the model agrees with the kernel at every moment at which it was asked", async () => {
  const { model, began, lines } = await recorded(RANDOM);
  let [compared, exact] = [0, 0];
  for (const { time, port, table } of lines) {
    const sockets = socketsIn(table).filter(({ from, to }) => from === port || to === port);
    const { queue, connections } = momentOf(model, time - began);
    assertEquals(queue.length, sockets.find(({ listens }) => listens)!.receiving);
    for (const { from, sending, receiving } of sockets.filter(({ to }) => to === port)) {
      const server = sockets.find(({ to }) => to === from)!;
      const own = connections[model.connections.findIndex(({ port }) => port === from)];
      for (
        const [bytes, unread, sent] of [
          [own.toServer, server.receiving, sending],
          [own.toClient, receiving, server.sending],
        ]
      ) {
        // The sender counts what was not acknowledged, and that may take 40 ms.
        const shown = `port ${from} after ${time - began} µs: ${bytes} of ${unread} and ${sent}`;
        assert(unread <= bytes && bytes <= unread + sent, shown);
        if (bytes > 0) compared++;
        if (bytes > 0 && bytes === unread + sent) exact++;
      }
    }
  }
  assertGreater(compared, 100);
  assertGreater(exact / compared, 0.5);
});

/** The same with epoll instances and signals, which are looked at without being taken. */
const WATCHED = `
  import { connectWhenReady } from "shared/ready.ts";
  import { EPOLL_CTL_ADD, EPOLLET, EPOLLIN, EPOLLOUT, epoll_create1, epoll_ctl, epoll_wait,
    EpollEvents } from "shared/linux/epoll.ts";
  import { poll, POLLIN, PollList } from "shared/linux/poll.ts";
  import { readSignals, signalfd, SignalInfos, signalThread, SIGRTMIN } from
    "shared/linux/signal.ts";
  import { getsockname, listenTcp, SOCK_NONBLOCK, tryAccept4, tryRecv, trySend } from
    "shared/linux/socket.ts";
  const host = "127.0.0.1";
  const listener = listenTcp({ host, port: 0 }, SOCK_NONBLOCK);
  const { port } = getsockname(listener);
  const [queue, infos, list] = [signalfd(SIGRTMIN), new SignalInfos(3), new PollList()];
  signalThread(listener, SIGRTMIN);
  const buffer = new Uint8Array(65536);
  const clients = [], fds = [], unread = [], epolls = [];
  let [state, fills] = [4711, 0];
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  const tick = () => new Promise((resolve) => setTimeout(resolve, 2));
  for (let i = 0; i < 150; i++) {
    const [what, at, size] = [random(9), random(fds.length || 1), 1 + random(9000)];
    let taken;
    if (what === 0 && clients.length < 5) {
      clients.push(await connectWhenReady({ host, port }));
    } else if (what === 1 && fds.length < clients.length) {
      const fd = tryAccept4(listener, SOCK_NONBLOCK);
      fds.push(fd);
      unread.push(0);
      signalThread(fd, SIGRTMIN);
      for (const events of [EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT | EPOLLET]) {
        const epoll = epoll_create1();
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events);
        list.add(epoll, POLLIN);
        epolls.push(epoll);
      }
    } else if (what === 2 && clients.length > 0 && i < 120) {
      await clients[random(clients.length)].write(buffer.subarray(0, size));
    } else if (what === 3 && fds.length > 0) tryRecv(fds[at], buffer, size);
    else if (what === 4 && fds.length > 0 && unread[at] === 0 && fills++ < 4) {
      for (let n; (n = trySend(fds[at], buffer, 65536)) > 0;) unread[at] += n;
    } else if (what === 5 && unread[at] > 0) {
      // A few bytes leave it full. When a third of it is taken, it can be written again.
      const [left, piece] = random(2) === 0 ? [unread[at] - 1, 1000] : [0.4 * unread[at], 65536];
      while (unread[at] > left) unread[at] -= await clients[at].read(buffer.subarray(0, piece));
    } else if (what === 6 && fds.length > 0) {
      epoll_wait(epolls[3 * at + 2], new EpollEvents(1), 0);
    } else if (what === 7) taken = readSignals(queue, infos);
    else if (what === 8 && i > 120 && clients.length > 0) {
      await clients[random(clients.length)].closeWrite().catch(() => {});
    } else continue;
    await tick();
    const time = Number(Temporal.Now.instant().epochNanoseconds) / 1000;
    poll(list, 0);
    const ready = epolls.map((_, index) => list.revents(index) !== 0);
    const [, pending] = /SigPnd:\\s*(\\w+)/.exec(Deno.readTextFileSync("/proc/self/status"));
    const waits = (BigInt("0x" + pending) >> BigInt(SIGRTMIN - 1) & 1n) === 1n;
    console.log(JSON.stringify({ time, ready, waits, taken }));
    await tick();
  }
  Deno.exit();`;

Deno.test("signals and readiness are those of the kernel at every such moment", async () => {
  const { model, began, lines } = await recorded(WATCHED);
  assertEquals(model.keepsSignals, true);
  const seen = { in: 0, out: 0, full: 0, edge: 0, waits: 0, taken: 0 };
  let before = 0; // signals
  for (const { time, ready, waits, taken } of lines) {
    const { epolls, signals = 0 } = momentOf(model, time - began);
    const shown = `after ${time - began} µs`;
    assertEquals(epolls.map((epoll) => epoll.ready.length > 0), ready, shown);
    assertEquals(signals > 0, waits, shown);
    if (taken !== undefined) assertEquals([taken, signals], [Math.min(3, before), before - taken]);
    before = signals;
    for (const [i, is] of ready.entries()) {
      if (is) seen[(["in", "out", "edge"] as const)[i % 3]]++;
      else if (i % 3 === 1) seen.full++;
    }
    if (waits) seen.waits++;
    if (taken > 0) seen.taken++;
  }
  for (const [what, count] of Object.entries(seen)) assertGreater(count, 3, what);
});
