/**
 * Text that is kept for long, in memory of its own. What is cut out of a message, or put together from such cuts, keeps the whole message: measured,
 * 15,000 finished calls held 16 MB of messages by the keys of their transactions and the URIs of their dialogs.
 */
const scratch = Buffer.allocUnsafeSlow(1_024);
/** V8 copies shorter cuts anyway. */
const SHORTEST = 13;

export function ownCopy(text: string): string {
  if (text.length < SHORTEST) return text;
  // UTF-8 has at most three bytes for each UTF-16 unit.
  if (text.length * 3 > scratch.length) return Buffer.from(text, 'utf8').toString('utf8');
  return scratch.toString('utf8', 0, scratch.write(text, 'utf8'));
}
