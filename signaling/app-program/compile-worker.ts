/** A thread that reads one program and ends: what the compiler takes of time and memory is taken here, and given back. */
import { parentPort, workerData } from 'node:worker_threads';
import ts from 'typescript';
import { compile } from './compile';

parentPort?.postMessage(compile((workerData as { entry: string }).entry, ts));
