/** Which suites a run is about, and which of them share the machine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Suites that drive whole systems, each on ports of its own: three at a time on two cores, since they mostly listen, and no more, since they must not be late. The name comes first in what they print. */
const SERIAL = ['call', 'interop'];

/** Every suite file below test/, from the root of the checkout, sorted. */
export function allSuites(root) {
  const below = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? below(`${folder}/${entry.name}`) : entry.name.endsWith('.test.ts') ? [`${folder}/${entry.name}`] : [],
    );
  return below('test').sort();
}

/**
 * What the words after `npm test --` choose. A word that is part of a suite's path chooses suites; any other word chooses tests by name, as
 * `-t NAME` does. Without words: everything, and the types.
 */
export function select(suites, argv) {
  const paths = [];
  const names = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index];
    if (word === '-t' || word === '--testNamePattern') names.push(argv[++index] ?? '');
    else if (word === 'types' || suites.some((path) => path.includes(word))) paths.push(word);
    else names.push(word);
  }
  const chosen = paths.length ? suites.filter((path) => paths.some((word) => path.includes(word))) : suites;
  return {
    types: argv.length === 0 || paths.includes('types'),
    parallel: chosen.filter((path) => !isSerial(path)),
    serial: chosen.filter(isSerial),
    names: names.length ? new RegExp(names.map(escape).join('|'), 'i') : undefined,
  };
}

function isSerial(path) {
  return SERIAL.includes(path.split('/')[1]);
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
