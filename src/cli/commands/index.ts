/**
 * Every command of the program, in the order of its help. A command is declared in its own file; what it does is loaded
 * from `<name>-run.ts` only when it runs, so that start-up stays close to bare Node.
 */
import type {CommandSpec} from '../types.ts';
import {aaaCommand} from './aaa.ts';
import {brokerCommand} from './broker.ts';
import {buildinfoCommand} from './buildinfo.ts';
import {cheatCommand} from './cheat.ts';
import {completionCommand} from './completion.ts';
import {demoCommand} from './demo.ts';
import {doctorCommand} from './doctor.ts';
import {emulateCommand} from './emulate.ts';
import {enrollCommand} from './enroll.ts';
import {execSupervisorCommand} from './exec-supervisor.ts';
import {executorCommand} from './executor.ts';
import {factsCommand} from './facts.ts';
import {findCommand} from './find.ts';
import {initCommand} from './init.ts';
import {inventoryCommand} from './inventory.ts';
import {jwtCommand} from './jwt.ts';
import {loginCommand} from './login.ts';
import {machineCommand} from './machine.ts';
import {pingCommand} from './ping.ts';
import {pluginCommand} from './plugin.ts';
import {provisionerCommand} from './provisioner.ts';
import {policyCommand} from './policy.ts';
import {reqCommand} from './req.ts';
import {serverCommand} from './server-run.ts';
import {studyCommand} from './study.ts';
import {toolCommand} from './tool.ts';
import {whyCommand} from './why.ts';

export const program: CommandSpec = {
  name: 'choria',
  help: "Choria Orchestration System\n\nUse 'choria cheat' for examples of common tasks.",
  flags: [
    {name: 'help', kind: 'boolean', help: 'Show context-sensitive help'},
    {name: 'version', kind: 'boolean', help: 'Show the version of this program'},
    {name: 'debug', kind: 'boolean', help: 'Enable debug logging'},
    {name: 'profile', kind: 'string', hidden: true, help: 'Record a CPU profile and write it to this file'},
    {name: 'help-long', kind: 'boolean', hidden: true, help: 'Show help of every command on one page'},
    {name: 'help-man', kind: 'boolean', hidden: true, help: 'Show help as a manual page'},
    {
      name: 'help-llm',
      kind: 'boolean',
      hidden: true,
      help: 'Show help of every command as Markdown, for language models',
    },
    {name: 'fisk-introspect', kind: 'boolean', hidden: true, help: 'Show the command line as JSON'},
    {name: 'completion-script-bash', kind: 'boolean', hidden: true, help: 'Show a completion script for bash'},
    {name: 'completion-script-zsh', kind: 'boolean', hidden: true, help: 'Show a completion script for zsh'},
  ],
  // Sorted by name, as the help shows them.
  commands: [
    aaaCommand,
    brokerCommand,
    buildinfoCommand,
    cheatCommand(() => program),
    completionCommand,
    demoCommand,
    doctorCommand,
    findCommand,
    emulateCommand,
    enrollCommand,
    execSupervisorCommand,
    executorCommand,
    factsCommand,
    initCommand,
    inventoryCommand,
    jwtCommand,
    loginCommand,
    machineCommand,
    pingCommand,
    pluginCommand,
    provisionerCommand,
    policyCommand,
    reqCommand,
    serverCommand,
    studyCommand,
    toolCommand,
    whyCommand,
  ],
};
