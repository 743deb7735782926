//! Who AWS's SDK for Rust is by its default credentials, and who by the role named, if one is.

use aws_config::BehaviorVersion;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(print_who(std::env::args().nth(1)))
}

async fn print_who(role_arn: Option<String>) -> Result<(), Error> {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let sts = aws_sdk_sts::Client::new(&config);
    let identity = sts.get_caller_identity().send().await?;
    println!("{}", identity.arn().unwrap_or_default());
    if let Some(role_arn) = role_arn {
        let assumed = sts.assume_role().role_arn(role_arn).role_session_name("rust").send().await?;
        println!("{}", assumed.assumed_role_user().map_or("", |user| user.arn()));
    }
    Ok(())
}
