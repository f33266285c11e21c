/**
 * Who is at the other end of a connection.
 *
 * @module
 */

import { moreSockets } from "../../linux/libc.ts";
import { SOCKADDR_IN_SIZE } from "../../linux/socket.ts";

const { getpeername } = moreSockets; // the plain function, whatever will be put in its place
const address = new Uint8Array(SOCKADDR_IN_SIZE);
const length = new Uint32Array(1);

/** The port of a new client, by which it can be found among the clients' own events. */
export function peerOf(fd: number): number {
  length[0] = address.length;
  if (getpeername(fd, address, length) === -1) return 0; // it has gone already
  return address[2] << 8 | address[3];
}
