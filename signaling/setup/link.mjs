/** Makes `npx offhook …` in the checkout run the build, as npm does for packages that are installed. */
import { chmodSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** `command`: the built file, from the root of the checkout. */
export function link(root, command) {
  const file = join(root, command);
  const place = join(root, 'node_modules', '.bin', 'offhook');
  const target = relative(dirname(place), file);
  if (lstatSync(file).mode % 2 === 0) chmodSync(file, 0o755);
  if (current(place) === target) return;
  mkdirSync(dirname(place), { recursive: true });
  rmSync(place, { force: true });
  try {
    symlinkSync(target, place);
  } catch (error) {
    // Two at once make the same link.
    if (error.code !== 'EEXIST') throw error;
  }
}

function current(place) {
  try {
    return readlinkSync(place);
  } catch {
    return undefined;
  }
}
