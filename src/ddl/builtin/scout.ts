/** Checks on nodes. */
import {input, output, summary, textInput, type ActionForm, type AgentForm} from './build.ts';

function transition(description: string): ActionForm {
  return {
    description,
    display: 'failed',
    input: {checks: input('array', 'Checks', {description: 'Names of checks; all when empty', optional: true})},
    output: {
      failed: output('array', 'Failed', {description: 'Checks that refused'}),
      transitioned: output('array', 'Triggered', {description: 'Checks that obeyed'}),
      skipped: output('array', 'Skipped', {description: 'Checks that were left alone'}),
    },
  };
}

const rules = (validation: string, maxlength: number): {validation: string; maxlength: number; optional: boolean} => ({
  validation,
  maxlength,
  optional: true,
});

export const scout: AgentForm = {
  name: 'scout',
  description: 'Shows and drives the checks of a node',
  timeout: 5,
  provider: 'golang',
  actions: {
    checks: {
      description: 'Every check and its state',
      display: 'ok',
      output: {checks: output('array', 'Checks', {description: 'The checks'})},
    },
    trigger: transition('Runs checks at once'),
    maintenance: transition('Stops checks until they are resumed'),
    resume: transition('Takes checks out of maintenance'),
    goss_validate: {
      description: 'Judges the node by goss rules',
      display: 'failed',
      input: {
        file: textInput('Goss File', 'Rules in a file on the node', rules('.+', 256)),
        yaml_rules: textInput('Gossfile contents', 'Rules as YAML text', rules('.', 5120)),
        vars: textInput('Vars File', 'Variables in a file on the node', rules('.+', 256)),
        yaml_vars: textInput('Variables YAML', 'Variables as YAML text', rules('.+', 5120)),
      },
      output: {
        tests: output('integer', 'Tests', {description: 'How many rules were judged'}),
        failures: output('integer', 'Failed Tests', {description: 'How many do not hold'}),
        runtime: output('integer', 'Runtime', {description: 'Seconds it took'}),
        success: output('integer', 'Success', {description: 'How many hold'}),
        skipped: output('integer', 'Skipped', {description: 'How many were left out'}),
        summary: output('string', 'Summary', {description: 'One line for people'}),
        results: output('array', 'Results', {description: 'One entry for each rule'}),
      },
      aggregate: [
        summary('tests', {format: '%s Tests on %d node(s)'}),
        summary('failures', {format: '%s Failed test on %d node(s)'}),
        summary('success', {format: '%s Passed tests on %d node(s)'}),
      ],
    },
  },
};
