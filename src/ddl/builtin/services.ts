/** Service agents and the agent of nodes that wait to be configured. */
import {input, listInput, output, textInput, type AgentForm} from './build.ts';

const pluginType = listInput('Plugin Type', 'Kind of plugin', {list: ['agent'], default: 'agent'});

export const choriaRegistry: AgentForm = {
  name: 'choria_registry',
  description: 'Gives descriptions of agents to clients that lack them',
  timeout: 2,
  provider: 'golang',
  service: true,
  actions: {
    names: {
      description: 'Names of the descriptions in store',
      input: {plugin_type: pluginType},
      output: {
        names: output('array', 'Names', {description: 'The names'}),
        plugin_type: output('string', 'Type', {description: 'Kind of plugin'}),
      },
    },
    ddl: {
      description: 'One description',
      display: 'always',
      input: {
        plugin_type: pluginType,
        name: textInput('Plugin Name', 'Name of the plugin', {validation: 'shellsafe', maxlength: 64}),
        format: listInput('Plugin Format', 'How to write it', {list: ['ddl', 'json'], default: 'json', optional: true}),
      },
      output: {
        ddl: output('string', 'DDL', {description: 'The description'}),
        name: output('string', 'Name', {description: 'Name of the plugin'}),
        plugin_type: output('string', 'Type', {description: 'Kind of plugin'}),
        version: output('string', 'Version', {description: 'Version of the plugin'}),
      },
    },
  },
};

export const aaaSigner: AgentForm = {
  name: 'aaa_signer',
  description: 'Signs requests for callers who were authorised centrally',
  timeout: 10,
  provider: 'golang',
  service: true,
  actions: {
    sign: {
      description: 'Signs one request',
      display: 'always',
      input: {
        request: textInput('RPC Request', 'The request, encoded', {validation: 'shellsafe', maxlength: 100_240}),
        token: textInput('JWT Token', 'The token of the caller', {validation: '.', maxlength: 10_024}),
        signature: textInput('Request Signature', 'Made by the caller over the request', {
          validation: '.',
          maxlength: 1024,
        }),
      },
      output: {secure_request: output('string', 'Secure Request', {description: 'The signed request, encoded'})},
    },
  },
};

const token = textInput('Token', 'The token of provisioning mode', {validation: '.', maxlength: 128, default: ''});
const message = {message: output('string', 'Message', {description: 'What was done'})};
const pem = (maxlength: number): {validation: string; maxlength: number; optional: boolean} => ({
  validation: '^-----BEGIN CERTIFICATE-----',
  maxlength,
  optional: true,
});
const subjectPart = {validation: '^[\\w\\s-]+$', maxlength: 50, optional: true} as const;

export const choriaProvision: AgentForm = {
  name: 'choria_provision',
  description: 'Configures nodes that joined without a configuration',
  timeout: 20,
  actions: {
    configure: {
      description: 'Writes the configuration of a node',
      display: 'failed',
      input: {
        token: {...token, optional: true},
        config: textInput('Configuration', 'Settings as a JSON object', {validation: '^{.+}$', maxlength: 2048}),
        certificate: textInput('Certificate', 'Signed certificate, PEM', pem(10_240)),
        ca: textInput('CA Bundle', 'Certificates to trust, PEM', pem(20_480)),
        ssldir: textInput('SSL Dir', 'Where keys and certificates go', {
          validation: '.',
          maxlength: 500,
          optional: true,
        }),
        key: textInput('PEM text block for the private key', 'Private key, encrypted for the node', {
          validation: '-----BEGIN RSA PRIVATE KEY-----',
          maxlength: 10_240,
          optional: true,
        }),
        ecdh_public: textInput('ECDH Public Key', 'Public key that the private key was encrypted with', {
          validation: '.',
          maxlength: 64,
          optional: true,
          default: '',
        }),
        action_policies: input('hash', 'Action Policy Documents', {
          description: 'Policies by agent',
          optional: true,
          default: {},
        }),
        opa_policies: input('hash', 'Open Policy Agent Policy Documents', {
          description: 'Rego policies by agent',
          optional: true,
          default: {},
        }),
        server_jwt: textInput('Server JWT', 'Token of the server', {
          validation: '.',
          maxlength: 2048,
          optional: true,
          default: '',
        }),
      },
      output: message,
    },
    gen25519: {
      description: 'Makes an ed25519 key pair on the node',
      display: 'always',
      input: {
        token,
        nonce: textInput('Nonce', 'Signed to prove the key', {validation: '.', maxlength: 64, default: ''}),
      },
      output: {
        public_key: output('string', 'Public Key', {description: 'In hexadecimal', default: ''}),
        directory: output('string', 'Directory', {description: 'Where the key is', default: ''}),
        signature: output('string', 'Signature', {description: 'Of the nonce, in hexadecimal', default: ''}),
      },
    },
    gencsr: {
      description: 'Makes a key and a certificate signing request on the node',
      display: 'always',
      input: {
        token,
        cn: textInput('Common Name', 'The name to ask for; the identity when left out', {
          validation:
            '^(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]).)*([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])$',
          maxlength: 80,
          optional: true,
        }),
        C: textInput('Country', 'Two letters', {validation: '^[A-Z]{2}$', maxlength: 2, optional: true}),
        L: textInput('Locality', 'Town', subjectPart),
        O: textInput('Organization', 'Organisation', subjectPart),
        OU: textInput('Organizational Unit', 'Part of the organisation', subjectPart),
        ST: textInput('State', 'State or county', subjectPart),
      },
      output: {
        csr: output('string', 'CSR', {description: 'The request, PEM'}),
        public_key: output('string', 'Public Key', {description: 'The public key, PEM'}),
        ssldir: output('string', 'SSL Dir', {description: 'Where the key is'}),
      },
    },
    jwt: {
      description: 'The provisioning token the node has',
      display: 'always',
      input: {token},
      output: {
        jwt: output('string', 'JWT Token', {description: 'The token', default: ''}),
        ecdh_public: output('string', 'ECDH Public Key', {description: 'To encrypt a private key with', default: ''}),
      },
    },
    reprovision: {
      description: 'Sends a node back to provisioning mode',
      display: 'always',
      input: {token},
      output: message,
    },
    restart: {
      description: 'Restarts the server with its new configuration',
      display: 'failed',
      input: {token, splay: input('number', 'Splay time', {description: 'Longest wait in seconds', optional: true})},
      output: message,
    },
    release_update: {
      description: 'Replaces the server by another release',
      display: 'always',
      input: {
        token,
        repository: textInput('Repository URL', 'Where releases are', {
          validation: '^http(s*)://',
          maxlength: 512,
          default: '',
        }),
        version: textInput('Version to update to', 'The release wanted', {
          validation: '.+',
          maxlength: 32,
          default: '',
        }),
      },
      output: message,
    },
    shutdown: {
      description: 'Stops the server',
      display: 'failed',
      input: {token},
      output: message,
    },
  },
};
