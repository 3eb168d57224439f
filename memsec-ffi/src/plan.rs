use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::{Plan, Render};

use crate::{
    boundary::{self, argument, make, print, required},
    claim::memsec_claim,
    error::memsec_error,
    report::memsec_report,
    status::memsec_status,
    step::memsec_step,
};

/// Ordered changes that make a host obey a policy, and the proof that they do
/// that and nothing else. It changes nothing by itself, and is never changed.
/// It keeps nothing of the report that it was made from.
#[derive(Debug)]
pub struct memsec_plan {
    pub(crate) plan: Plan,
    steps: Vec<memsec_step>,
    claims: Vec<memsec_claim>,
}

impl From<Plan> for memsec_plan {
    fn from(plan: Plan) -> Self {
        let steps = plan.steps.iter().map(Into::into).collect();
        let claims = plan.proof.claims.iter().map(Into::into).collect();
        Self { plan, steps, claims }
    }
}

/// The form to render a plan in.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_render {
    /// A list for a person.
    Text = 0,
    /// A unified diff of the files that it changes.
    Diff = 1,
    /// Input for `nft -f`: the guard.
    Nft = 2,
    /// Input for `iptables-restore --noflush` and `ip6tables-restore
    /// --noflush`.
    IptablesRestore = 3,
    /// A POSIX shell script that carries it out.
    Shell = 4,
}

const FORMS: [(memsec_render, Render); 5] = [
    (memsec_render::Text, Render::Text),
    (memsec_render::Diff, Render::Diff),
    (memsec_render::Nft, Render::Nft),
    (memsec_render::IptablesRestore, Render::IptablesRestore),
    (memsec_render::Shell, Render::Shell),
];

fn form(number: u32) -> Result<Render, memsec_error> {
    let found = FORMS.iter().find(|(form, _)| *form as u32 == number);
    found
        .map(|&(_, form)| form)
        .ok_or_else(|| argument(&format!("form {number} is not known")))
}

/// Makes the plan by which a host obeys the policy that it was audited
/// against. It does no I/O. A plan whose proof fails is no error: see
/// memsec_plan_holds().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_new(
    report: Option<&memsec_report>,
    out: Option<&mut MaybeUninit<Option<Box<memsec_plan>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || Ok(required(report, "report")?.report.plan().into()))
}

/// Makes a plan from JSON, as memsec_plan_to_json() writes it.
/// MEMSEC_ERR_PARSE if it is not a plan.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_plan_from_json(
    json: *const c_char,
    json_len: usize,
    out: Option<&mut MaybeUninit<Option<Box<memsec_plan>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let json = unsafe { boundary::text(json, json_len, "json") }?;
        Ok(Plan::from_json("json", json)?.into())
    })
}

/// The number of steps; 0 if there is nothing to do, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_len(plan: Option<&memsec_plan>) -> usize {
    plan.map_or(0, |plan| plan.steps.len())
}

/// A step by its place, in the order in which they are done, or NULL past the
/// end. It lives as long as the plan.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_step(
    plan: Option<&memsec_plan>,
    index: usize,
) -> Option<&memsec_step> {
    plan?.steps.get(index)
}

/// True if every claim of the proof holds. A plan that does not hold may not
/// be carried out: memsec_plan_render() writes it only as text, which says
/// why, as memsec_plan_to_json() and memsec_claim_witness() do. False for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_holds(plan: Option<&memsec_plan>) -> bool {
    plan.is_some_and(|plan| plan.plan.proof.holds)
}

/// The number of claims of the proof; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_claim_len(plan: Option<&memsec_plan>) -> usize {
    plan.map_or(0, |plan| plan.claims.len())
}

/// A claim of the proof by its place, or NULL past the end. It lives as long
/// as the plan.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_claim(
    plan: Option<&memsec_plan>,
    index: usize,
) -> Option<&memsec_claim> {
    plan?.claims.get(index)
}

/// Renders a plan in `form`, one of memsec_render, for memsec_string_free().
/// MEMSEC_ERR_ARGUMENT if there is no such form, MEMSEC_ERR_UNSUPPORTED if the
/// plan cannot be written so.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_render(
    plan: Option<&memsec_plan>,
    form: u32,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let form = self::form(form)?;
        Ok(required(plan, "plan")?.plan.render(form)?)
    })
}

/// Writes a plan as JSON, with its proof, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_to_json(
    plan: Option<&memsec_plan>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(plan, "plan")?.plan.to_json()))
}

/// Frees a plan with its steps and claims. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_free(plan: Option<Box<memsec_plan>>) {
    drop(plan);
}
