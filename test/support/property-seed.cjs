/**
 * Property tests draw the same examples in every run: a failure must be somebody's change, not the day's luck. FC_SEED=random (or a number)
 * goes looking for new ones; what is found becomes a case of its own.
 */
const fc = require('fast-check');

const wanted = process.env.FC_SEED ?? '20261122';
fc.configureGlobal(wanted === 'random' ? {} : { seed: Number(wanted) });
