/**
 * Lesson 22 · A server's life: the clients, and how long each may stay.
 *
 * Every client has one timer. Whenever its bytes move, the timer is moved as well: to the moment
 * when the client will have been silent for too long, or to the end of its visit, whichever comes
 * first. All timers are on one wheel, and one timerfd turns it while there is something on it.
 *
 * @module
 */

import type { Connection } from "../../shared/connection.ts";
import { close } from "../../shared/linux/descriptors.ts";
import { clock_gettime, CLOCK_MONOTONIC } from "../../shared/linux/time.ts";
import {
  readTimer,
  TFD_TIMER_ABSTIME,
  timerfd_create,
  timerfd_settime,
} from "../../shared/linux/timerfd.ts";
import { number } from "../../shared/options.ts";
import { TimingWheel, type WheelTimer } from "../../shared/timing_wheel.ts";

/** The options of the server that limit its clients. */
export const LIMITS = {
  idle: number(Infinity, "close a client when no byte has moved for N ms", 1),
  deadline: number(Infinity, "close a client after N ms, whatever it does", 1),
  limit: number(Infinity, "accept no more than N clients at a time", 1),
  grace: number(5000, "after SIGTERM, let clients finish for N ms"),
};

/** Milliseconds. A client may stay two ticks longer than it should. */
const TICK = 20;
/** Milliseconds. After SIGTERM, a client that is silent for so long has what it wanted. */
const QUIET = 10;

/** A client, and how long it may stay. */
interface Visit {
  connection: Connection;
  /** When its time is over. */
  end: number;
  /** Whether it has said anything yet. */
  hasSpoken: boolean;
  /** The timer has the client itself: the number of its descriptor will be somebody else's. */
  timer: WheelTimer<Connection>;
}

/** The clients by their descriptors. All times are milliseconds of CLOCK_MONOTONIC. */
export class Clients {
  /** The descriptor that can be read when {@linkcode Clients.takeLate} has something to do. */
  readonly timerfd: number = timerfd_create(CLOCK_MONOTONIC);
  readonly #wheel = new TimingWheel<Connection>(TICK);
  readonly #visits = new Map<number, Visit>();
  #isTurning = false;
  #lastTick = 0;
  #quiet = Infinity;
  #end = Infinity;

  /** Makes room for clients. `idle` and `deadline` limit their silence and their visits, in ms. */
  constructor(readonly limits: { idle: number; deadline: number }) {}

  /** How many there are. */
  get size(): number {
    return this.#visits.size;
  }

  /** The client with a descriptor. */
  get(fd: number): Connection | undefined {
    return this.#visits.get(fd)?.connection;
  }

  /** A client has come. */
  add(connection: Connection): void {
    const end = clock_gettime(CLOCK_MONOTONIC) + this.limits.deadline;
    const timer = this.#wheel.add(Infinity, connection);
    const visit = { connection, end, hasSpoken: false, timer };
    this.#visits.set(connection.fd, visit);
    this.#arm(visit);
  }

  /** Bytes of a client have moved, in one direction or the other. */
  moved({ fd }: Connection): void {
    const visit = this.#visits.get(fd)!;
    visit.hasSpoken = true;
    this.#arm(visit);
  }

  /** A client goes, and its timer must go with it. */
  delete({ fd }: Connection): void {
    this.#wheel.delete(this.#visits.get(fd)!.timer);
    this.#visits.delete(fd);
  }

  /** The clients whose time is over. The wheel stops when there is nothing on it any more. */
  takeLate(): Connection[] {
    readTimer(this.timerfd); // how many ticks it has been does not matter: the clock knows
    // Late is what was late at the last tick. All that had come by then has been read since, even
    // if this process was stopped in between.
    const late = this.#wheel.takeDue(this.#lastTick);
    this.#lastTick = clock_gettime(CLOCK_MONOTONIC);
    this.#isTurning = this.#wheel.size > 0;
    if (!this.#isTurning) timerfd_settime(this.timerfd, 0, 0);
    return late;
  }

  /** Lets each client go when it has its reply, and all of them `grace` ms from now. */
  finish(grace: number): void {
    this.#quiet = QUIET;
    this.#end = clock_gettime(CLOCK_MONOTONIC) + grace;
    for (const visit of this.#visits.values()) this.#arm(visit);
  }

  /** Closes the connections that are left, and the timer. */
  close(): void {
    for (const { connection } of this.#visits.values()) connection.close();
    close(this.timerfd);
  }

  #arm({ connection, end, hasSpoken, timer }: Visit) {
    const now = clock_gettime(CLOCK_MONOTONIC);
    // One that has not spoken yet wants something. Others are done when they have been silent.
    const isInTheMiddle = !hasSpoken || connection.unsent > 0;
    const patience = Math.min(this.limits.idle, isInTheMiddle ? Infinity : this.#quiet);
    this.#wheel.move(timer, Math.min(now + patience, end, this.#end));
    if (this.#isTurning || this.#wheel.size === 0) return;
    // In step with the wheel, whose ticks begin at the multiples of their length.
    const next = Math.ceil(now / TICK) * TICK;
    timerfd_settime(this.timerfd, TFD_TIMER_ABSTIME, next, TICK);
    this.#isTurning = true;
    this.#lastTick = now;
  }
}
