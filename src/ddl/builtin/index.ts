/** Descriptions that every installation has. */
import {agentDdlFromDocument, dataDdlFromDocument} from '../parse.ts';
import type {AgentDdl, DataDdl} from '../types.ts';
import {agentDocument, type AgentForm} from './build.ts';
import {choriaUtil} from './choria-util.ts';
import {dataForms} from './data.ts';
import {executor, rpcutil} from './rpcutil.ts';
import {scout} from './scout.ts';
import {aaaSigner, choriaProvision, choriaRegistry} from './services.ts';

const forms: readonly AgentForm[] = [aaaSigner, choriaProvision, choriaRegistry, choriaUtil, executor, rpcutil, scout];

/** Sorted. */
export const builtinAgentNames: readonly string[] = forms.map((form) => form.name);

/** Sorted. */
export const builtinDataNames: readonly string[] = dataForms.map((form) => form.name);

/** @param version of the program, which is the version of what it brings along */
export function builtinAgentDdl(name: string, version: string): AgentDdl | undefined {
  const form = forms.find((item) => item.name === name);
  return form && agentDdlFromDocument(agentDocument(form, version), `the built-in DDL of ${name}`);
}

export function builtinDataDdl(name: string, version: string): DataDdl | undefined {
  const form = dataForms.find((item) => item.name === name);
  if (!form) return undefined;
  const {timeout, description, query, output} = form;
  return dataDdlFromDocument(
    {
      $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/data.json',
      metadata: {
        name,
        description,
        author: 'Choria Project',
        license: 'Apache-2.0',
        version,
        url: 'https://choria.io',
        timeout,
        provider: 'golang',
      },
      ...(query === undefined ? {} : {query}),
      output,
    },
    `the built-in DDL of data plugin ${name}`,
  );
}
