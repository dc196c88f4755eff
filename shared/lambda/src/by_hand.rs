use crate::environment;
use std::process::exit;

/// What the runtime of a function cannot do without: it panics where one of these is not set.
const OF_THE_RUNTIME: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// Ends the process with one line and the exit code 2, unless a Lambda runtime started it. Each function begins with
/// this, before it asks for settings: whoever starts one by hand has none of them.
pub fn refuse_by_hand(function: &str) {
    if let Some(refusal) = refusal(function, environment) {
        #[expect(clippy::print_stderr, reason = "no log is set up, and a person is looking")]
        {
            eprintln!("{refusal}");
        }
        #[expect(
            clippy::exit,
            reason = "nothing has begun; an error from main would be told as a failure, with 1"
        )]
        exit(2);
    }
}

fn refusal(function: &str, get: impl Fn(&str) -> Option<String>) -> Option<String> {
    let unset: Vec<&str> = OF_THE_RUNTIME.into_iter().filter(|name| get(name).is_none()).collect();
    let (last, others) = unset.split_last()?;
    let (names, are) = match others {
        [] => ((*last).to_owned(), "is"),
        _ => (format!("{} and {last}", others.join(", ")), "are"),
    };
    Some(format!(
        "{function} is a Lambda function, which a Lambda runtime starts ({names} {are} not set); deploy it with \
         template.yaml, or run `prodrome up`, which has all functions on this machine"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_runtime_started_is_refused_with_what_to_do() {
        assert_eq!(refusal("sweep", |_| Some("there".to_owned())), None);
        let one = refusal("sweep", |name| (name != "AWS_LAMBDA_FUNCTION_NAME").then(String::new)).unwrap();
        assert_eq!(
            one,
            "sweep is a Lambda function, which a Lambda runtime starts (AWS_LAMBDA_FUNCTION_NAME is not set); deploy \
             it with template.yaml, or run `prodrome up`, which has all functions on this machine"
        );
        let all = refusal("sweep", |_| None).unwrap();
        assert!(
            all.contains("AWS_LAMBDA_FUNCTION_MEMORY_SIZE and AWS_LAMBDA_FUNCTION_VERSION are not set"),
            "{all}"
        );
    }
}
