/**
 * One system call for all frames of one turn of the event loop.
 *
 * drachtio-srf writes each frame to the control socket as it is made; a call that is set up makes a dozen. Corking the socket until the
 * turn ends hands them to the system together, which costs the other side one wake-up instead of many.
 */
interface Corkable {
  write(...args: unknown[]): boolean;
  cork(): void;
  uncork(): void;
}

const done = new WeakSet<object>();

/** Idempotent for a socket. */
export function coalesceWrites(socket: Corkable, afterTurn: (fn: () => void) => void = setImmediate): void {
  if (done.has(socket)) return;
  done.add(socket);
  let corked = false;
  const write = socket.write;
  socket.write = function (this: Corkable, ...args: unknown[]): boolean {
    if (!corked) {
      corked = true;
      socket.cork();
      afterTurn(() => {
        corked = false;
        socket.uncork();
      });
    }
    return write.apply(this, args);
  };
}
