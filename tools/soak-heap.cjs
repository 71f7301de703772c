/**
 * Loaded into the server by `npm run soak -- --heap FILE`: collects all garbage every 20 seconds and writes down what is left, which tells a leak
 * from memory that the runtime only has not given back.
 */
const {appendFileSync} = require('node:fs');
const {setFlagsFromString} = require('node:v8');
const {runInNewContext} = require('node:vm');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(() => {
  collect();
  const {rss, heapUsed} = process.memoryUsage();
  const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);
  appendFileSync(
    process.env.SOAK_HEAP_FILE,
    `${Math.round(process.uptime())} s: live ${mib(heapUsed)} MiB, resident ${mib(rss)} MiB\n`,
  );
}, 20_000).unref();
