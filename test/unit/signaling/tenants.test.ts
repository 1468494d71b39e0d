import { beside, FIRST_TENANT, shown, tenantOf, within } from '../../../signaling/tenants';

it.each([
  ['1001', FIRST_TENANT, '1001'],
  ['1001@acme.example', 'acme.example', '1001'],
])('%s is of tenant “%s”, dialled as %s', (id, tenant, dialled) => {
  expect([tenantOf(id), shown(id), within(tenant, dialled), beside(id, '1002')]).toEqual([tenant, dialled, id, within(tenant, '1002')]);
});
