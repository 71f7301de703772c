#!/usr/bin/env node
// CommonJS, as package.json beside it says: Node's loader of other modules would take longer to start than the commonest question of
// scripts takes to answer, which needs nothing of the program. Under its older name it answers elsewhere.
if (process.argv.length === 3 && process.argv[2] === '--version' && !/[\\/]mco$/.test(process.argv[1])) {
  process.stderr.write(`${require('../package.json').version}\n`);
} else {
  require('./load.cjs').loadProgram().exports.runProgram();
}
