//! Every function of the header, with each of its arguments at fault in turn,
//! by a program that is made from the header, so that none is forgotten.

use std::fs;

use super::{
    program::Program,
    symbols::{Function, Parameter, functions},
};

impl Parameter {
    fn is_text(&self) -> bool {
        self.kind == "const char *"
    }

    fn is_length(&self) -> bool {
        self.name.ends_with("_len")
    }

    /// What an output points to: "memsec_plan *" of "memsec_plan **".
    fn output(&self) -> Option<&str> {
        self.kind.strip_suffix('*').filter(|kind| kind.ends_with('*'))
    }

    /// A value that is not at fault.
    fn good(&self) -> String {
        match self.kind.as_str() {
            "const char *" => "\"\"".to_owned(),
            _ if self.is_length() => "MEMSEC_NUL_TERMINATED".to_owned(),
            _ if self.output().is_some() => format!("&{}", self.name),
            kind if kind.ends_with('*') => format!("a_{}", named(kind)),
            _ => "0".to_owned(),
        }
    }

    /// The values that are at fault.
    fn bad(&self) -> &'static [&'static str] {
        match self.kind.as_str() {
            _ if self.is_text() => &["NULL", r#""\xff""#, r#""a\xc3""#],
            _ if self.is_length() => &[
                "0",
                "((size_t)1 << 30) + 1",
                "(size_t)5 << 30",
                "SIZE_MAX / 2",
                "SIZE_MAX - 1",
            ],
            kind if kind.ends_with('*') => &["NULL"],
            "size_t" => &["SIZE_MAX"],
            "uint32_t" if self.name == "form" => &["UINT32_MAX"],
            _ => &[],
        }
    }
}

/// "plan" of "const memsec_plan *".
fn named(kind: &str) -> &str {
    let name = kind.trim_start_matches("const ").trim_end_matches([' ', '*']);
    name.trim_start_matches("memsec_")
}

/// The function that frees what such a pointer points to.
fn free(kind: &str) -> String {
    let name = named(kind);
    let name = if name == "char" { "string" } else { name };
    format!("memsec_{name}_free")
}

/// A block that calls a function with one argument at fault, or with none
/// where there is no such argument.
fn block(function: &Function, at: usize, value: &str) -> String {
    let parameters = || function.parameters.iter().enumerate();
    let outputs = parameters()
        .filter(|(i, _)| *i != at)
        .filter_map(|(_, it)| it.output().map(|kind| (it.name.as_str(), kind)));
    let (mut before, mut after) = (String::new(), String::new());
    for (name, kind) in outputs {
        before += &format!("{kind}{name} = NULL; ");
        after += &format!(" {}({name});", free(kind));
    }
    let arguments = parameters()
        .map(|(i, it)| if i == at { value.into() } else { it.good() });
    let arguments: Vec<String> = arguments.collect();
    let call = format!("{}({})", function.name, arguments.join(", "));
    let call = match function.returns.as_str() {
        "memsec_status" => format!("gave(\"{}\", {call});", function.name),
        kind if kind.ends_with('*') && !kind.starts_with("const") => {
            format!("{}({call});", free(kind))
        }
        _ => format!("(void){call};"),
    };
    format!("    {{ {before}{call}{after} }}\n")
}

/// The objects are empty: a plan of them has no step, and changes nothing.
const HEAD: &str = r#"#include <memsec.h>
#include <stdio.h>

static int failed;

/* Whatever it gives, it is a status, and no panic. */
static void gave(const char *name, memsec_status status) {
    if (status == MEMSEC_ERR_PANIC || *memsec_status_name(status) == 'U') {
        printf("%s: %d\n", name, (int)status);
        failed = 1;
    }
}

int main(void) {
    memsec_snapshot *a_snapshot = memsec_snapshot_new();
    memsec_policy *a_policy = memsec_policy_new();
    memsec_report *a_report = NULL;
    memsec_plan *a_plan = NULL;
    memsec_error *a_error = NULL;
    memsec_outcome *a_outcome = NULL;
    memsec_verification *a_verification = NULL;
    const memsec_exposure *a_exposure = NULL;
    const memsec_finding *a_finding = NULL;
    const memsec_step *a_step = NULL;
    const memsec_claim *a_claim = NULL;
    gave("audit", memsec_audit(a_snapshot, a_policy, &a_report, NULL));
    gave("plan", memsec_plan_new(a_report, &a_plan, NULL));
    gave("apply", memsec_plan_apply(a_plan, 0, &a_outcome, NULL));
    gave("verify", memsec_plan_verify(a_plan, NULL, &a_verification, NULL));
    (void)memsec_policy_allow(a_policy, "x", &a_error);
    a_claim = memsec_plan_claim(a_plan, 0);
    a_step = memsec_plan_step(a_plan, 0);
    a_finding = memsec_report_finding(a_report, 0);
    a_exposure = memsec_report_exposure(a_report, 0);
"#;

const TAIL: &str = r#"    memsec_error_free(a_error);
    memsec_verification_free(a_verification);
    memsec_outcome_free(a_outcome);
    memsec_plan_free(a_plan);
    memsec_report_free(a_report);
    memsec_policy_free(a_policy);
    memsec_snapshot_free(a_snapshot);
    if (!failed) printf("every function takes it\n");
    return failed;
}
"#;

#[test]
fn every_function_takes_what_is_at_fault() {
    let functions = functions();
    // What is freed is gone, and reading this host takes long: see edges.c.
    let left =
        |name: &str| name.ends_with("_free") || name.ends_with("_collect");
    let kept = functions.iter().filter(|it| !left(&it.name));
    let blocks = kept.flat_map(|function| {
        let each = function.parameters.iter().enumerate();
        let bad =
            each.flat_map(|(i, it)| it.bad().iter().map(move |bad| (i, *bad)));
        let all = std::iter::once((usize::MAX, "")).chain(bad);
        all.map(move |(i, bad)| block(function, i, bad))
    });
    let blocks: Vec<_> = blocks.collect();
    assert!(blocks.len() > 150, "{}", blocks.len());
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("every.c");
    fs::write(&source, format!("{HEAD}{}{TAIL}", blocks.concat())).unwrap();
    let program = Program::new(&[source.to_str().unwrap()]);
    assert_eq!(program.run(&[], &[0]), "every function takes it\n");
}
