/** The stores that the contract is held against. A new back end is a row here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OffhookError } from '../../../signaling/errors';
import { openStore, type Store } from '../../../signaling/store/store';

export interface Place {
  /** Opens the store in this place; several may be open at once, as the server and the command line are. */
  open(): Promise<Store>;
  dispose(): Promise<void>;
}

export interface Implementation {
  name: string;
  /** Why it cannot be tested here; undefined when it can. */
  missing(): string | undefined;
  /** A new, empty place for data. */
  place(): Promise<Place>;
}

export const implementations: Implementation[] = [
  {
    name: 'sqlite',
    missing: () => undefined,
    async place() {
      const folder = mkdtempSync(join(tmpdir(), 'offhook-store-'));
      return {
        open: () => openStore({ dataDir: join(folder, 'data') }),
        dispose: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
];

/** Before each test of the suite a store that is new, closed and removed after it. */
export function freshStore(implementation: Implementation, use: (store: Store, place: Place) => void | Promise<void>): void {
  let place: Place;
  let store: Store;
  beforeEach(async () => {
    place = await implementation.place();
    store = await place.open();
    await use(store, place);
  });
  afterEach(async () => {
    await store.close();
    await place.dispose();
  });
}

/** The code of the error that this fails with; `no error` when it does not. */
export const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'no error', (error: unknown) => (error instanceof OffhookError ? error.code : String(error)));
