/**
 * Turns a filter into the PuppetDB query that finds the same nodes.
 *
 * The texts are what fleets' own PuppetDB tuning and proxies expect, letter for letter, including the odd treatment of patterns:
 * each letter becomes a class of both cases, even behind a backslash. Rules: the client digest, section 2.2.
 */
import type {FactFilter, Filter} from '../protocol/types.ts';
import {DiscoveryError} from './errors.ts';
import {isRegexEntry} from './broadcast.ts';

/** Agents that come with the server itself, not as files. */
const builtInAgents: readonly string[] = ['rpcutil', 'scout', 'choria_util'];
const serviceClasses =
  '(resources {type = "Class" and title = "Choria::Service"} or resources {type = "Class" and title = "Mcollective::Service"})';

/**
 * @throws {DiscoveryError} `ERR_DISCOVERY_FILTER` for expressions, `ERR_DISCOVERY_QUERY` for a fact that cannot be compared
 * @example puppetDbQuery(filter, 'mcollective') // 'nodes[certname, deactivated] { (certname in inventory[certname] ...) }'
 */
export function puppetDbQuery(filter: Filter, collective: string): string {
  if (filter.compounds.length > 0) {
    throw new DiscoveryError('ERR_DISCOVERY_FILTER', 'compound filters are not supported by PuppetDB');
  }
  const parts = [
    `certname in inventory[certname] { facts.mcollective.server.collectives.match("\\d+") = "${collective}" }`,
    filter.identities.map(identityPart).join(' or '),
    filter.classes.map(classPart).join(' and '),
    filter.agents.map(agentPart).join(' and '),
    filter.facts.map(factPart).join(' and '),
  ];
  const wrapped = parts.filter((part) => part !== '').map((part) => `(${part})`);
  return `nodes[certname, deactivated] { ${wrapped.join(' and ')} }`;
}

/** The query of a `pql: ...` identity. */
export function pqlOf(identity: string): string | undefined {
  return /^pql:\s*(.+)$/.exec(identity)?.[1];
}

function identityPart(identity: string): string {
  const query = pqlOf(identity);
  if (query !== undefined) return `certname in ${query}`;
  return isRegexEntry(identity) ? `certname ~ "${bothCases(identity)}"` : `certname = "${identity}"`;
}

function classPart(name: string): string {
  return isRegexEntry(name)
    ? `resources {type = "Class" and title ~ "${bothCases(name)}"}`
    : `resources {type = "Class" and title = "${titleCase(name)}"}`;
}

function agentPart(name: string): string {
  if (builtInAgents.includes(name)) return serviceClasses;
  return isRegexEntry(name)
    ? `resources {type = "File" and tag ~ "mcollective_agent_.*?${bothCases(name)}.*?_server"}`
    : `resources {type = "File" and tag = "mcollective_agent_${name}_server"}`;
}

function factPart(filter: FactFilter): string {
  const {fact, operator, value} = filter;
  switch (operator) {
    case '=~':
      return `inventory {facts.${fact} ~ "${bothCases(value)}"}`;
    case '==':
      return `inventory {${equality(filter)}}`;
    case '!=':
      return `inventory {!(${equality(filter)})}`;
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (!isGoFloat(value)) {
        throw new DiscoveryError('ERR_DISCOVERY_QUERY', `'${operator}' operator supports only numeric values`, {
          details: {fact, operator, value},
        });
      }
      return `inventory {facts.${fact} ${operator} ${value}}`;
  }
}

function equality({fact, value}: FactFilter): string {
  const asText = `facts.${fact} = "${value}"`;
  return value === 'true' || value === 'false' || isGoFloat(value) ? `facts.${fact} = ${value} or ${asText}` : asText;
}

function bothCases(text: string): string {
  const pattern = isRegexEntry(text) && text.length > 1 ? text.slice(1, -1) : text;
  return pattern.replaceAll(/[A-Za-z]/g, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}

/** `foo-bar::my_conf` is `Foo-Bar::My_conf`: letters start a word unless a letter, digit, mark or underscore is before them. */
function titleCase(name: string): string {
  return name
    .split('::')
    .map((segment) => {
      let inWord = false;
      return Array.from(segment, (char) => {
        const isWordPart = /[\p{L}\p{N}_']/u.test(char);
        const cased = inWord ? char.toLowerCase() : char.toUpperCase();
        inWord = isWordPart;
        return cased;
      }).join('');
    })
    .join('::');
}

/** What Go's ParseFloat takes: decimals, exponents, infinities and NaN; digits may be parted by nothing. */
function isGoFloat(text: string): boolean {
  return (
    /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ||
    /^[+-]?inf(?:inity)?$/i.test(text) ||
    /^nan$/i.test(text) ||
    /^[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+$/.test(text)
  );
}
