import { Socket } from "node:net";

/**
 * Closes a connection so that its peer sees an error, not an end: what it has of an answer must not look whole. With TLS the
 * socket below is reset where Node shows it; where it does not, the peer misses `close_notify`.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  const below = (socket as { _parent?: unknown })._parent;
  if (below instanceof Socket) {
    if (!below.destroyed) below.resetAndDestroy();
    socket.destroy();
  } else if ("encrypted" in socket) {
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}
