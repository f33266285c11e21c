/**
 * The threads of a process, as the kernel shows them in /proc.
 *
 * @module
 */

import { isGone } from "../../shared/tools/process/proc.ts";

/**
 * Reads files of each thread of a process, such as `syscall`, see proc_pid_task(5). A thread that
 * ends meanwhile is left out.
 *
 * @returns The texts, in the order of the names, by thread id.
 */
export function readThreads(pid: number, ...files: string[]): Map<string, string[]> {
  const threads = new Map<string, string[]>();
  for (const { name: thread } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const paths = files.map((file) => `/proc/${pid}/task/${thread}/${file}`);
      threads.set(thread, paths.map((path) => Deno.readTextFileSync(path)));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return threads;
}
