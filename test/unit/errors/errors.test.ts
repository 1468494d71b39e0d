import { describe as inWords, errorTable, isOffhookError, OffhookError } from '../../../signaling/errors';

describe('the table of errors', () => {
  it.each(errorTable().map((row) => [row.code, row] as const))('%s is a sentence with a meaning for whoever meets it', (_, row) => {
    expect(row.sentence).toMatch(/\.$|\}$/);
    expect(row.sentence).not.toMatch(/\n/);
    expect([undefined, 1, 2]).toContain(row.exit);
    if (row.sip !== undefined) expect(row.sip).toBeGreaterThanOrEqual(400);
    if (row.http !== undefined) expect(row.http).toBeGreaterThanOrEqual(400);
  });
});

describe('OffhookError', () => {
  it('fills the sentence from its fields', () => {
    const error = new OffhookError('store.exists', { number: '1001' });
    expect(error.message).toBe('Extension 1001 exists already.');
    expect([error.exitCode, error.sipStatus, error.retryable]).toEqual([1, undefined, false]);
  });

  it('classifies itself', () => {
    const busy = new OffhookError('store.busy', { file: '/x' });
    expect([busy.exitCode, busy.sipStatus, busy.retryable]).toEqual([1, 503, true]);
    expect(new OffhookError('config.conflict', { problem: 'x.' }).exitCode).toBe(2);
  });

  it('keeps what caused it', () => {
    const cause = new Error('EACCES');
    expect(new OffhookError('store.closed', {}, { cause }).cause).toBe(cause);
  });

  it('is recognised by its code', () => {
    const error: unknown = new OffhookError('store.closed', {});
    expect([isOffhookError(error), isOffhookError(error, 'store.closed'), isOffhookError(error, 'store.busy'), isOffhookError(new Error('x'))]).toEqual([true, true, false, false]);
  });

  it('takes braces in a value as they are', () => {
    expect(new OffhookError('config.conflict', { problem: 'a {brace}' }).message).toBe('a {brace}');
  });
});

describe('anything thrown, in words', () => {
  it.each([
    [new OffhookError('store.closed', {}), 'The store is closed.'],
    [new TypeError('x is not a function\n    at y'), 'Unexpected TypeError: x is not a function'],
    ['a string', 'Unexpected: a string'],
    [undefined, 'Unexpected: undefined'],
  ])('%p', (thrown, sentence) => {
    expect(inWords(thrown)).toBe(sentence);
  });
});
