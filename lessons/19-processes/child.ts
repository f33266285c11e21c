/**
 * Lesson 19 · Processes: what each child does.
 *
 * The loop of lesson 01, on a listener that all children have inherited. They sleep in accept4 side
 * by side, and the kernel wakes one of them for each client.
 */

import { close } from "../../shared/linux/descriptors.ts";
import { isSystemError } from "../../shared/linux/errno.ts";
import { kill, PR_SET_PDEATHSIG, prctl, SIGKILL } from "../../shared/linux/process.ts";
import { accept, recv, sendAll } from "../../shared/linux/socket.ts";
import { shout } from "../../shared/shout.ts";

/** What the supervisor hands to a child, as JSON. */
export interface Task {
  number: number; // the child's own, from 1 on
  started: number; // when that was, in milliseconds since 1970
  supervisor: number; // its process id
  listener: number; // the listening socket, a descriptor that the child inherits
  once: boolean; // whether it serves one client alone
  crash: string; // a message that kills the child which receives it
}

const task: Task = JSON.parse(Deno.args[0]);
// When the supervisor ends, however that happens, the kernel kills this process. If it has ended
// already, this process has another parent by now, and no signal would come.
prctl(PR_SET_PDEATHSIG, SIGKILL);
if (Deno.ppid !== task.supervisor) Deno.exit(1); // getppid(2)

const crash = new TextEncoder().encode(task.crash);
const buffer = new Uint8Array(64 * 1024);
const began = Date.now() - task.started;
console.log(`child ${task.number} is process ${Deno.pid}, and began after ${began} ms`);

do serve(accept(task.listener)); while (!task.once);

function serve(connection: number) {
  try {
    while (true) {
      // Phases 1 and 2. This process sleeps here until its client sends something.
      const length = recv(connection, buffer);
      if (length === 0) break; // the client has finished sending
      if (length === crash.length && crash.every((byte, i) => byte === buffer[i])) {
        kill(Deno.pid, SIGKILL); // as a fault in native code or a lack of memory would
      }
      sendAll(connection, shout(buffer, length), length);
    }
  } catch (error) {
    // A reset or a broken pipe ends this connection alone. Any other error is a bug in this script.
    if (!isSystemError(error)) throw error;
  } finally {
    close(connection);
  }
}
