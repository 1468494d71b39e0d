import { MailboxCounts, type Counts } from '../../../signaling/app/mailbox-counts';

/** A store that answers when it is let. */
class Store {
  readonly rows = new Map<string, Counts>();
  readonly asked: string[] = [];
  fail: Error | undefined;
  private held: Array<() => void> | undefined;

  counts = (number: string): Promise<Counts> => this.answer(number, () => this.rows.get(number) ?? { new: 0, saved: 0 });
  allCounts = (): Promise<Map<string, Counts>> => this.answer('all', () => new Map(this.rows));

  hold(): void {
    this.held = [];
  }

  async release(): Promise<void> {
    for (const go of this.held?.splice(0) ?? []) go();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** What is read is what stood there when it was asked. */
  private async answer<T>(what: string, read: () => T): Promise<T> {
    this.asked.push(what);
    const { fail } = this;
    const value = read();
    if (this.held) await new Promise<void>((resolve) => this.held?.push(resolve));
    if (fail) throw fail;
    return value;
  }
}

function make(): { store: Store; counts: MailboxCounts } {
  const store = new Store();
  store.rows.set('1001', { new: 2, saved: 1 });
  return { store, counts: new MailboxCounts(store) };
}

test('one question for all, and none after it', async () => {
  const { store, counts } = make();
  expect(await Promise.all(['1001', '1002', '1001'].map((number) => counts.of(number)))).toEqual([{ new: 2, saved: 1 }, { new: 0, saved: 0 }, { new: 2, saved: 1 }]);
  await counts.of('1003');
  expect(store.asked).toEqual(['all']);
});

test('a mailbox that changed is asked for again, and no other', async () => {
  const { store, counts } = make();
  await counts.of('1001');
  store.rows.set('1001', { new: 3, saved: 1 });
  store.rows.set('1002', { new: 1, saved: 0 });
  counts.changed('1001');
  expect(await counts.of('1001')).toEqual({ new: 3, saved: 1 });
  expect(await counts.of('1001')).toEqual({ new: 3, saved: 1 });
  expect(await counts.of('1002')).toEqual({ new: 0, saved: 0 });
  counts.changed('1002');
  expect(await counts.of('1002')).toEqual({ new: 1, saved: 0 });
  store.rows.delete('1001');
  counts.changed('1001');
  expect(await counts.of('1001')).toEqual({ new: 0, saved: 0 });
  expect(store.asked).toEqual(['all', '1001', '1002', '1001']);
});

test('what changes while it is read is asked for once more', async () => {
  const { store, counts } = make();
  store.hold();
  const first = counts.of('1001');
  store.rows.set('1001', { new: 9, saved: 0 });
  counts.changed('1001');
  await store.release();
  await store.release();
  expect(await first).toEqual({ new: 9, saved: 0 });

  counts.changed('1001');
  const before = counts.of('1001');
  store.rows.set('1001', { new: 10, saved: 0 });
  counts.changed('1001');
  await store.release();
  expect(await before).toEqual({ new: 9, saved: 0 });
  const after = counts.of('1001');
  await store.release();
  expect(await after).toEqual({ new: 10, saved: 0 });
});

test('after another process wrote, all is read again, also when that was during a reading', async () => {
  const { store, counts } = make();
  await counts.of('1001');
  store.rows.set('1001', { new: 4, saved: 0 });
  counts.forget();
  expect(await counts.of('1001')).toEqual({ new: 4, saved: 0 });

  counts.forget();
  store.hold();
  const asked = counts.of('1001');
  store.rows.set('1001', { new: 5, saved: 0 });
  counts.forget();
  await store.release();
  await store.release();
  expect(await asked).toEqual({ new: 5, saved: 0 });
});

test('a store that fails is an error, and is asked again next time', async () => {
  const { store, counts } = make();
  store.fail = new Error('busy');
  await expect(counts.of('1001')).rejects.toThrow('busy');
  store.fail = undefined;
  expect(await counts.of('1001')).toEqual({ new: 2, saved: 1 });
  store.fail = new Error('busy');
  counts.changed('1001');
  await expect(counts.of('1001')).rejects.toThrow('busy');
  store.fail = undefined;
  expect(await counts.of('1001')).toEqual({ new: 2, saved: 1 });
});
