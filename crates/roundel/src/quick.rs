//! `roundel --listen … --to …`: a balancer without a file.

use std::process::ExitCode;
use std::sync::Arc;

use roundel_core::policy::{Balance, HashKey};

use crate::cli::{ADMIN, BalanceWord, QuickArguments, misuse};
use crate::logging;
use crate::service::Service;

/// Runs until a signal ends it.
pub(crate) fn run(arguments: &QuickArguments) -> anyhow::Result<ExitCode> {
    let admin = (!arguments.no_admin).then(|| arguments.admin.unwrap_or(ADMIN));
    let mut config = match roundel_config::quick(&arguments.listen, &arguments.to, admin) {
        Ok(config) => config,
        Err(faults) => return Ok(misuse(&faults.join("; "))),
    };
    if let Some(word) = arguments.balance {
        for pool in &mut config.pools {
            Arc::make_mut(&mut pool.policy).balance = balance_of(word);
        }
    }
    logging::start(config.log);
    Ok(Service::start(config, None)?.run())
}

fn balance_of(word: BalanceWord) -> Balance {
    match word {
        BalanceWord::RoundRobin => Balance::RoundRobin,
        BalanceWord::Random => Balance::Random,
        BalanceWord::P2c => Balance::P2c,
        BalanceWord::LeastRequest => Balance::LeastRequest,
        BalanceWord::Hash => Balance::Hash(HashKey::ClientAddress),
    }
}
