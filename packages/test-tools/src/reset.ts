import type { Socket } from "node:net";

/**
 * Closes a socket with a TCP RST. One whose end is on its way is only closed: Node 26 loses such a socket when it is
 * reset, and the process, when it is over, waits for it for good and takes a core.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
