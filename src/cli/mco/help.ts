/** Help in the layout of the Ruby client: one list of options for each section, every name of an option. */
import {inertLine} from '../render/inert.ts';
import type {CommandSpec, FlagSpec} from '../types.ts';
import {version} from '../version.ts';
import {generalOptions, type OptionSection} from './options.ts';

const nameColumns = 33;

function names(flag: FlagSpec): string {
  const longs = [flag.name, ...(flag.aliases ?? [])].map(
    (name) => `--${flag.negatable === true ? '[no-]' : ''}${name}`,
  );
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  const value = flag.kind === 'boolean' ? '' : ` ${flag.valueName ?? flag.name.toUpperCase()}`;
  return `    ${short}${longs.join(', ')}${value}`;
}

function row(flag: FlagSpec): string {
  const left = names(flag);
  const help = inertLine(flag.help);
  return left.length < nameColumns + 4
    ? `${left.padEnd(nameColumns + 4)}${help}\n`
    : `${left}\n${' '.repeat(nameColumns + 4)}${help}\n`;
}

const helpFlag: FlagSpec = {name: 'help', short: 'h', kind: 'boolean', help: 'Show this page'};

function section({title, flags}: OptionSection): string {
  return `${title}\n${flags
    .filter((flag) => flag.hidden !== true)
    .map(row)
    .join('')}\n`;
}

export interface ApplicationPage {
  readonly command: CommandSpec;
  /** Of applications that ask nodes; the first holds the general options. */
  readonly sections: readonly OptionSection[];
  /** Lines on how to call it. */
  readonly usage?: string;
}

/** The page of one application. */
export function applicationHelp({command, sections, usage}: ApplicationPage): string {
  const shared = new Set(sections.flatMap(({flags}) => flags.map((flag) => flag.name)));
  const own = (command.flags ?? []).filter((flag) => !shared.has(flag.name));
  const general = shared.has('config') ? [helpFlag] : [...generalOptions, helpFlag];
  const kept = [...own.filter((flag) => !general.some(({name}) => name === flag.name)), ...general];
  const lead = `\n${command.help}\n\n${usage === undefined ? '' : `${usage}\n\n`}`;
  const pages = [{title: 'Application Options', flags: kept}, ...sections].map(section);
  return `${lead}${pages.join('')}mco version ${version}\n`;
}
