/**
 * Bytes that are kept for half a minute because they may have to be sent again, thousands at a time under load. Node cuts small buffers from blocks of
 * 8 KB, and one of 300 bytes that is kept holds its whole block; one with memory of its own takes 300 bytes more for what describes it. A string
 * with one byte for each character has neither.
 */
export type Kept = string & { readonly kept: unique symbol };

export function kept(data: Buffer): Kept {
  return data.toString('latin1') as Kept;
}

export function bytesOf(data: Kept): Buffer {
  return Buffer.from(data, 'latin1');
}
