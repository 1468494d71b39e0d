/** Kysely on libsql's SQLite. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { LibsqlConnection } from './libsql-connection';

export class LibsqlDialect implements Dialect {
  constructor(private readonly connection: LibsqlConnection) {}

  createDriver(): Driver {
    return new LibsqlDriver(this.connection);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new LibsqlAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** SQLite changes tables within transactions; said here, migrations run in one, and two processes that start at once take turns. */
class LibsqlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** SQLite has one connection: whoever holds it (for a statement or a transaction) makes the others wait their turn. */
class LibsqlDriver implements Driver {
  private last: Promise<void> = Promise.resolve();
  private readonly release = new WeakMap<DatabaseConnection, () => void>();

  constructor(private readonly connection: LibsqlConnection) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const turn = this.last;
    let done = (): void => undefined;
    this.last = new Promise((resolve) => (done = resolve));
    await turn;
    const held = new HeldConnection(this.connection);
    this.release.set(held, done);
    return held;
  }

  async releaseConnection(held: DatabaseConnection): Promise<void> {
    this.release.get(held)?.();
  }

  async beginTransaction(): Promise<void> {
    await this.connection.begin();
  }

  async commitTransaction(): Promise<void> {
    this.connection.commit();
  }

  async rollbackTransaction(): Promise<void> {
    this.connection.rollback();
  }

  async destroy(): Promise<void> {
    await this.last;
    this.connection.close();
  }
}

class HeldConnection implements DatabaseConnection {
  constructor(private readonly connection: LibsqlConnection) {}

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.connection.run(sql, parameters);
    return { rows: rows as R[], ...(changes !== undefined && { numAffectedRows: BigInt(changes) }) };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}
