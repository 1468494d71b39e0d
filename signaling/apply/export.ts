/** Everything that is set as a file that `offhook apply` takes. */
import { stringify } from 'yaml';
import type { AnyKind, Value } from '../settings/kind';
import { withoutSecrets } from '../settings/secrets';
import { readAll } from '../settings/write';
import type { StoreParts } from '../store/store';

const HEAD = '# What is set in Offhook: “offhook apply FILE” makes it so again, and leaves alone what is not in here.\n';
const WITHOUT = '# Secrets that are set are “true”, which leaves them as they are; “offhook export --secrets” writes them.\n';

export async function exportText(parts: StoreParts, kinds: readonly AnyKind[], { secrets }: { secrets: boolean }): Promise<string> {
  const sections: Record<string, Value[]> = {};
  for (const kind of kinds) sections[kind.plural] = (await readAll(parts, kind)).map((value) => (secrets ? value : hidden(kind, value)));
  return `${HEAD}${secrets ? '' : WITHOUT}\n${stringify(sections, { lineWidth: 0 })}`;
}

/** One of them, as a file has it. */
export const itemText = (kind: AnyKind, value: Value): string => stringify(withoutSecrets(kind, value), { lineWidth: 0 });

/** What is made up for a new one need not be known. */
function hidden(kind: AnyKind, value: Value): Value {
  return Object.fromEntries(Object.entries(withoutSecrets(kind, value)).filter(([name]) => !kind.kept?.makes?.includes(name)));
}
