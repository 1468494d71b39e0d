import { Writable } from 'node:stream';
import { coalesceWrites } from '../../../signaling/app/coalesce';

/** A stream that notes what each system call would have carried. */
class Calls extends Writable {
  readonly calls: string[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.calls.push(chunk.toString());
    done();
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => chunk.toString()).join(''));
    done();
  }
}

test('what is written in one turn leaves in one call, in order', () => {
  const turns: Array<() => void> = [];
  const socket = new Calls();
  coalesceWrites(socket as never, (fn) => void turns.push(fn));
  socket.write('a');
  socket.write('b');
  socket.write('c');
  expect(socket.calls).toEqual([]);
  turns.shift()?.();
  expect(socket.calls).toEqual(['abc']);
  socket.write('d');
  turns.shift()?.();
  expect(socket.calls).toEqual(['abc', 'd']);
  expect(turns).toEqual([]);
});

test('a socket is corked once however often it is asked for', () => {
  const turns: Array<() => void> = [];
  const socket = new Calls();
  coalesceWrites(socket as never, (fn) => void turns.push(fn));
  coalesceWrites(socket as never, (fn) => void turns.push(fn));
  socket.write('a');
  expect(turns).toHaveLength(1);
});
