/** Lines of text from a stream, each of bounded length: whatever is at the other end of a pipe must not fill the memory. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Characters; the longest command (a message) has far fewer. */
export const LONGEST_LINE = 65_536;

export interface LineEvents {
  line(text: string): void;
  /** A line was longer than LONGEST_LINE; it is left out whole. */
  tooLong(): void;
}

/** Until `close()`. An end without a line's end ends the last line, too; a stream that breaks has just ended. */
export function readLines(input: Readable, events: LineEvents): { close(): void } {
  const decoder = new StringDecoder('utf8');
  let begun = '';
  let skipping = false;
  const finish = (): void => {
    if (skipping) events.tooLong();
    else if (begun !== '') events.line(begun);
    begun = '';
    skipping = false;
  };
  const take = (text: string): void => {
    const parts = text.split(/\r?\n/);
    for (const [i, part] of parts.entries()) {
      if (!skipping) begun += part;
      if (begun.length > LONGEST_LINE) {
        begun = '';
        skipping = true;
      }
      if (i < parts.length - 1) finish();
    }
  };
  const onData = (chunk: Buffer | string): void => take(typeof chunk === 'string' ? chunk : decoder.write(chunk));
  const onEnd = (): void => {
    take(decoder.end());
    finish();
  };
  const onError = (): void => undefined;
  input.on('data', onData);
  input.on('end', onEnd);
  input.on('error', onError); // stays: it may come after the close
  return {
    close: () => {
      input.off('data', onData);
      input.off('end', onEnd);
      input.pause();
    },
  };
}
