/** `choria tool`: the debugging and management utilities. Each sub command has its own file. */
import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';
import {toolBuilderCommand} from './tool-builder.ts';
import {toolConfigCommand} from './tool-config.ts';
import {toolEventCommand} from './tool-event.ts';
import {toolInventoryCommand} from './tool-inventory.ts';
import {toolProtocolCommand} from './tool-protocol.ts';
import {toolProvisionerCommand} from './tool-provisioner.ts';
import {toolSha256Command} from './tool-sha256.ts';
import {toolStatusCommand} from './tool-status.ts';
import {toolSubmitCommand} from './tool-submit.ts';

export const toolCommand: CommandSpec = {
  name: 'tool',
  aliases: ['t'],
  help: 'Debugging and management utilities',
  flags: [configFlag],
  // Sorted by name, as the help shows them.
  commands: [
    toolBuilderCommand,
    toolConfigCommand,
    toolEventCommand,
    toolInventoryCommand,
    toolProtocolCommand,
    toolProvisionerCommand,
    toolSha256Command,
    toolStatusCommand,
    toolSubmitCommand,
  ],
};
