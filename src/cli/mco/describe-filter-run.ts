/** Says in words which nodes a filter means. Nothing is sent. */
import {buildFilter} from '../../client/index.ts';
import {filterFlagsOf} from '../commands/network.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

function section(flag: string, what: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `${flag} filter expands to the following ${what}:\n\n${lines.map((line) => `  ${inertLine(line)}\n`).join('')}\n`;
}

export function runDescribeFilter(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {combined = [], compound, ...flags} = filterFlagsOf(parsed);
  const describe = (
    text: Parameters<typeof buildFilter>[0],
    names: readonly [string, string, string, string],
  ): string => {
    const {facts, classes, agents, identities} = buildFilter(text);
    return [
      section(
        names[0],
        'fact comparisons',
        facts.map((item) => `Check if fact '${item.fact}' ${item.operator} '${item.value}'`),
      ),
      section(
        names[1],
        'class checks',
        classes.map((name) => `Check if class '${name}' is present on the host`),
      ),
      section(
        names[2],
        'agent checks',
        agents.map((name) => `Check if agent '${name}' is present on the host`),
      ),
      section(
        names[3],
        'identity checks',
        identities.map((name) => `Check if identity '${name}' is that of the host`),
      ),
    ].join('');
  };
  const expression = compound === undefined ? [] : [`Check if the expression is true on the host: ${compound}`];
  context.stdout.write(describe(flags, ['-F', '-C', '-A', '-I']));
  context.stdout.write(describe({combined}, ['-W', '-W', '-W', '-W']));
  context.stdout.write(section('-S', 'expression', expression));
  return Promise.resolve(0);
}
