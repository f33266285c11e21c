/**
 * MSG_ZEROCOPY: send(2) without a copy, and the notification that the memory is free again. See
 * socket(7), and Documentation/networking/msg_zerocopy.rst of Linux.
 *
 * @module
 */

import { CMSGHDR, type Message, tryRecvmsg } from "./recvmsg.ts";

/** setsockopt(2): the socket accepts {@linkcode MSG_ZEROCOPY}. */
export const SO_ZEROCOPY = 60;
/** send(2): do not copy; a notification in the socket's queue of errors says when that is over. */
export const MSG_ZEROCOPY = 0x4000000;
/** recvmsg(2): take something out of that queue; never waits. */
export const MSG_ERRQUEUE = 0x2000;
/** Of a notification: the kernel has copied after all. */
export const SO_EE_CODE_ZEROCOPY_COPIED = 1;

const SO_EE_ORIGIN_ZEROCOPY = 5;
/** Where the fields of `struct sock_extended_err` are: here, numbers of the first and last call. */
const SOCK_EXTENDED_ERR = { origin: 4, code: 6, info: 8, data: 12 };

/** What a notification says: for how many calls of send(2) it stands, and its code. */
export type Notification = { calls: number; code: number };

/** Takes a notification out of a socket's queue of errors; undefined if there is none. */
export function notificationOf(fd: number, message: Message): Notification | undefined {
  const { control } = message;
  if (tryRecvmsg(fd, message, MSG_ERRQUEUE) < 0) return undefined;
  const at = (field: number) => CMSGHDR.data + field;
  if (control.getUint8(at(SOCK_EXTENDED_ERR.origin)) !== SO_EE_ORIGIN_ZEROCOPY) return undefined;
  const [first, last] = [SOCK_EXTENDED_ERR.info, SOCK_EXTENDED_ERR.data]
    .map((field) => control.getUint32(at(field), true));
  return { calls: last - first + 1, code: control.getUint8(at(SOCK_EXTENDED_ERR.code)) };
}
