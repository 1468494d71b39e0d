/** How wide characters are, against the table that python3's unicodedata gives (make-table.py, Unicode 14). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { harmless, widthOf } from '../../../../../client/cli/screen/text';

/** Unicode has changed its mind since: an accent that became a character of its own. */
const CHANGED = new Set([0x1171e]);

test('every character that is shown is as wide as Unicode has it', () => {
  const wrong: string[] = [];
  let compared = 0;
  for (const line of readFileSync(join(__dirname, 'table.txt'), 'utf8').trim().split('\n')) {
    const [first = '', last = '', columns] = line.split(' ');
    for (let code = parseInt(first, 16); code <= parseInt(last, 16); code++) {
      const char = String.fromCodePoint(code);
      // what is taken out or written otherwise is not on the screen
      if (CHANGED.has(code) || harmless(`x${char}`) !== `x${char}`) continue;
      compared++;
      if (widthOf(char) !== Number(columns)) wrong.push(`U+${code.toString(16)} is ${columns}, not ${widthOf(char)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(130_000);
});
