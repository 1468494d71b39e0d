/**
 * Where a running server is asked by its owner: a Unix socket in the data folder. An address of this family holds only so many bytes
 * (unix(7): `sun_path`), so a long path is taken through the descriptor of its folder where the system has such names.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';

export const operatorFolder = (data: string): string => join(data, 'run');
export const OPERATOR_SOCKET = 'operator.sock';

/** Bytes of a path, its final zero not counted. */
const LONGEST: Partial<Record<NodeJS.Platform, number>> = { linux: 107, darwin: 103, freebsd: 103 };
const LONGEST_ELSEWHERE = 103;

export interface SocketAddress {
  /** To listen on, or to connect to. */
  path: string;
  /** To be called when it is used no longer, also for taking the socket away. */
  release(): void;
}

export const longestPath = (platform: NodeJS.Platform): number => LONGEST[platform] ?? LONGEST_ELSEWHERE;

/** The address of the operator's socket in `folder`, which must exist. Undefined: its path is too long. Errors: those of the file system. */
export function operatorAddress(folder: string, platform: NodeJS.Platform = process.platform): SocketAddress | undefined {
  const path = join(folder, OPERATOR_SOCKET);
  if (Buffer.byteLength(path) <= longestPath(platform)) return { path, release: () => undefined };
  if (platform !== 'linux') return undefined;
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  let open = true;
  return {
    path: `/proc/self/fd/${fd}/${OPERATOR_SOCKET}`,
    release() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
