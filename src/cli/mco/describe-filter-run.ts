/** Says in words which nodes a filter means. Nothing is sent. */
import {buildFilter} from '../../client/index.ts';
import {parseExpression} from '../../lang/index.ts';
import {filterFlagsOf} from '../commands/network.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

function section(flag: string, what: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `${flag} filter expands to the following ${what}:\n\n${lines.map((line) => `  ${inertLine(line)}\n`).join('')}\n`;
}

export function runDescribeFilter(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {compound, ...flags} = filterFlagsOf(parsed);
  const {facts, classes, agents, identities} = buildFilter(flags);
  // Nodes ignore a request whose expression they cannot read: better said here.
  if (compound !== undefined) parseExpression(compound);
  const expression = compound === undefined ? [] : [`Check if the expression is true on the host: ${compound}`];
  const sections: readonly (readonly [flag: string, what: string, lines: readonly string[]])[] = [
    ['-F', 'fact comparisons', facts.map((item) => `Check if fact '${item.fact}' ${item.operator} '${item.value}'`)],
    ['-C', 'class checks', classes.map((name) => `Check if class '${name}' is present on the host`)],
    ['-A', 'agent checks', agents.map((name) => `Check if agent '${name}' is present on the host`)],
    ['-I', 'identity checks', identities.map((name) => `Check if identity '${name}' is that of the host`)],
    ['-S', 'expression', expression],
  ];
  context.stdout.write(sections.map(([flag, what, lines]) => section(flag, what, lines)).join(''));
  return Promise.resolve(0);
}
