/** Edits that cannot be, named by their fields. */
import type { z } from 'zod';
import { OffhookError } from '../errors';
import type { Problem } from './kind';

/** What is wrong, by field. */
export class SettingsError extends OffhookError<'settings.bad'> {
  constructor(
    readonly kind: string,
    readonly key: string,
    readonly problems: readonly Problem[],
  ) {
    super('settings.bad', { what: `${kind}${key === '' ? '' : ` ${key}`}`, problems: problems.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ') });
  }
}

export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const at = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ field: at === '' ? key : `${at}.${key}`, problem: 'there is no such field' }));
    return [{ field: at, problem: issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '') }];
  });
}
