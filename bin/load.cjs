/**
 * Loads the program from its one file together with the code that V8 made of it when it was built (`tools/code-cache.mjs`).
 *
 * V8 refuses code of another version of itself or of another source, and then compiles as usual; nothing is written here, so that
 * only whoever may change the program may change its code.
 */
const {existsSync, readFileSync} = require('node:fs');
const {createRequire} = require('node:module');
const {dirname, join} = require('node:path');
const vm = require('node:vm');

const file = join(__dirname, '..', 'dist', 'bin', 'program.cjs');
const cacheFile = join(__dirname, '..', 'dist', 'bin', 'program.cache');

function readCache() {
  try {
    return readFileSync(cacheFile);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

exports.cacheFile = cacheFile;

exports.loadProgram = function loadProgram() {
  if (!existsSync(file)) {
    process.stderr.write('choria: error: the program is not built yet: run "npm run build" in its folder\n');
    process.exit(1);
  }
  // The bundler writes ASCII only, so a letter is a byte and nothing has to be decoded.
  const source = readFileSync(file, 'latin1');
  const cachedData = readCache();
  const script = new vm.Script(source, {
    filename: file,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData === undefined ? {} : {cachedData}),
  });
  const loaded = {exports: {}};
  script.runInThisContext()(loaded.exports, createRequire(file), loaded, file, dirname(file));
  return {exports: loaded.exports, script};
};
